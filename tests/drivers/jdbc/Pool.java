import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The load of bench/sql-failover by HikariCP over Microsoft's driver: Pool PORT; ../pool.py says what a load does and
 * prints. HikariCP tests a connection that was not used for half a second before it hands it out; the idle ones are held.
 */
public final class Pool {
  private static final int IDLE = 10, READ = 20, WRITE = 10, TRANSACTION = 10, THINK_MS = 100;

  private interface Work {
    void run(Connection c, String key, String row) throws Exception;
  }

  /** A COMMIT failed. */
  private static final class Commit extends Exception {
    Commit(SQLException why) { super(why); }
  }

  private static final AtomicInteger written = new AtomicInteger();
  private static HikariDataSource pool;

  private static void ask(Connection c, String sql, String... values) throws SQLException {
    try (PreparedStatement s = c.prepareStatement(sql)) {
      s.setQueryTimeout(5);
      for (int i = 0; i < values.length; i++) s.setString(i + 1, values[i]);
      if (s.execute() && !s.getResultSet().next()) throw new SQLException("an empty answer");
    }
  }

  private static void read(Connection c, String key, String row) throws SQLException {
    ask(c, "SELECT n FROM bench_counter WHERE k = ?", key);
  }

  private static void write(Connection c, String key, String row) throws SQLException {
    ask(c, "INSERT INTO bench_write (id, k) VALUES (?, ?)", row, key);
  }

  private static void transaction(Connection c, String key, String row) throws Exception {
    c.setAutoCommit(false);
    try {
      read(c, key, row);
      Thread.sleep(THINK_MS);
      write(c, key, row);
      ask(c, "UPDATE bench_counter SET n = n + 1 WHERE k = ?", key);
      try {
        c.commit();
      } catch (SQLException why) {
        throw new Commit(why);
      }
    } catch (Exception why) {
      try {
        c.rollback();
      } catch (SQLException ignored) {
        // the connection is gone, or nothing is left to be rolled back
      }
      throw why;
    } finally {
      try {
        c.setAutoCommit(true);
      } catch (SQLException ignored) {
        // the pool does it, or finds out
      }
    }
  }

  private static long now() {
    java.time.Instant at = java.time.Instant.now();
    return at.getEpochSecond() * 1_000_000 + at.getNano() / 1000;
  }

  /** One operation; the connection to hold on to, which only an idle one is. */
  private static Connection once(char kind, Work work, String key, Connection held) {
    String row = kind == 'w' || kind == 't' ? kind + "-jdbc-" + written.getAndIncrement() : "-";
    long begin = now();
    int number = 0;
    String text = "";
    Connection c = held;
    try {
      if (c == null) c = pool.getConnection();
      work.run(c, key, row);
    } catch (Exception error) {
      Throwable why = error instanceof Commit ? error.getCause() : error;
      number = why instanceof SQLException sql && sql.getErrorCode() > 0 ? sql.getErrorCode() : -1;
      text = ((error instanceof Commit ? "commit " : "") + why).replaceAll("\\s+", " ");
    }
    if (c != null && (kind != 'i' || number != 0)) {
      try {
        c.close();
      } catch (SQLException ignored) {
        // it was broken
      }
      c = null;
    }
    text = text.substring(0, Math.min(200, text.length()));
    System.out.println(begin + " " + now() + " " + kind + " " + row + " " + number + " " + text);
    return c;
  }

  private static void start(char kind, int many, int periodMs, Work work) {
    for (int i = 0; i < many; i++) {
      String key = "jdbc-" + i % 10;
      new Thread(() -> {
        Connection held = null;
        try {
          Thread.sleep(ThreadLocalRandom.current().nextInt(periodMs));
          while (true) {
            held = once(kind, work, key, held);
            Thread.sleep((long) (periodMs * ThreadLocalRandom.current().nextDouble(0.9, 1.1)));
          }
        } catch (InterruptedException end) {
          // the process ends
        }
      }).start();
    }
  }

  public static void main(String[] words) throws Exception {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl("jdbc:sqlserver://127.0.0.1:" + words[0] + ";databaseName=master;encrypt=false;"
        + "trustServerCertificate=true;loginTimeout=5;socketTimeout=10000");
    config.setUsername("sa");
    config.setPassword("sqlnode");
    config.setMaximumPoolSize(IDLE + READ + WRITE + TRANSACTION);
    config.setConnectionTimeout(5000);
    pool = new HikariDataSource(config);
    while (pool.getHikariPoolMXBean().getTotalConnections() < config.getMaximumPoolSize()) Thread.sleep(10);
    System.out.println("ready");
    start('i', IDLE, 2500, Pool::read);
    start('r', READ, 1000, Pool::read);
    start('w', WRITE, 1000, Pool::write);
    start('t', TRANSACTION, 2000, Pool::transaction);
  }
}
