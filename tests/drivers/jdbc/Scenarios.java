import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The scenarios by JDBC, for Microsoft's driver and for jTDS: Scenarios mssql|jtds FOLDER CA-FILE PLACE ..., where
 * FOLDER has types.sql and nulls.sql. What only one of the two can is in its Driver.
 */
public final class Scenarios {
  private static final int LARGE = 1 << 20;

  /** The driver has no such thing. */
  static final class Cannot extends Exception {
    Cannot(String why) { super(why); }
  }

  record Place(String label, String encryption, int port, String ca) {}

  interface Driver {
    Connection open(Place place) throws Exception;
    void bulk(Connection to, String table, String lines) throws Exception;
    Object reset(Place place) throws Exception;
  }

  interface Scenario {
    Object run(Connection c) throws Exception;
  }

  private final Driver driver;
  private final String types, nulls;

  private Scenarios(Driver driver, Path folder) throws Exception {
    this.driver = driver;
    types = Files.readString(folder.resolve("types.sql"));
    nulls = Files.readString(folder.resolve("nulls.sql"));
  }

  static List<Object> asked(Connection c, String sql) throws Exception {
    try (Statement s = c.createStatement()) {
      return s.execute(sql) ? Values.rows(s.getResultSet()) : new ArrayList<>();
    }
  }

  private static void table(Connection c, String name, String columns) throws Exception {
    asked(c, "DROP TABLE IF EXISTS " + name);
    asked(c, "CREATE TABLE " + name + " (" + columns + ")");
  }

  private static Object results(Connection c) throws Exception {
    List<Object> found = new ArrayList<>();
    try (Statement s = c.createStatement()) {
      boolean rows = s.execute("SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 4 AS d WHERE 1 = 0");
      while (rows || s.getUpdateCount() >= 0) {
        if (rows) found.add(Values.rows(s.getResultSet()));
        rows = s.getMoreResults();
      }
    }
    return found;
  }

  private static Object parameters(Connection c) throws Exception {
    try (PreparedStatement s = c.prepareStatement("SELECT CAST(? AS INT) + 1, ?, ?, ?")) {
      s.setInt(1, 41);
      s.setString(2, "Gr\u00fc\u00dfe");
      s.setBytes(3, new byte[] {0, -1, 16});
      s.setNull(4, Types.VARCHAR);
      return Values.rows(s.executeQuery());
    }
  }

  private static Object prepared(Connection c) throws Exception {
    table(c, "driver_prepared", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(50) NULL");
    try (PreparedStatement insert = c.prepareStatement("INSERT INTO driver_prepared (id, s) VALUES (?, ?)")) {
      for (int i = 1; i <= 3; i++) {
        insert.setInt(1, i);
        insert.setString(2, new String[] {"one", "two", null}[i - 1]);
        insert.executeUpdate();
      }
    }
    List<Object> found = new ArrayList<>();
    try (PreparedStatement select = c.prepareStatement("SELECT s FROM driver_prepared WHERE id = ?")) {
      for (int i : new int[] {3, 2, 1, 4}) {
        select.setInt(1, i);
        try (ResultSet rows = select.executeQuery()) {
          found.add(Values.rows(rows));
        }
      }
    }
    return found;
  }

  private static Object transaction(Connection c, String name, boolean commit) throws Exception {
    table(c, name, "id INT NOT NULL PRIMARY KEY");
    c.setAutoCommit(false);
    asked(c, "INSERT INTO " + name + " (id) VALUES (1)");
    List<Object> found = asked(c, "SELECT COUNT(*) FROM " + name);
    if (commit) c.commit();
    else c.rollback();
    c.setAutoCommit(true);
    found.addAll(asked(c, "SELECT COUNT(*) FROM " + name));
    return found;
  }

  private static Object cancel(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      Thread other = new Thread(() -> {
        try {
          Thread.sleep(200);
          s.cancel();
        } catch (Exception ignored) {
          // the statement then ends late, which the result says
        }
      });
      other.start();
      long start = System.nanoTime();
      try {
        s.execute("WAITFOR DELAY '00:00:10'");
      } catch (SQLException ended) {
        other.join();
      }
      return Arrays.asList(System.nanoTime() - start < 5e9 ? "cancelled" : "late", asked(c, "SELECT 1"));
    }
  }

  private static Object timeout(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      s.setQueryTimeout(1);
      s.execute("WAITFOR DELAY '00:00:10'");
      return "it was not";
    } catch (SQLException late) {
      boolean said = late instanceof java.sql.SQLTimeoutException || "HYT00".equals(late.getSQLState());
      return Arrays.asList(said ? "timed out" : late.toString(), asked(c, "SELECT 1"));
    }
  }

  private Object bulk(Connection c) throws Exception {
    table(c, "driver_bulk", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(50) NULL");
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 2000; i++) lines.append(i).append('\t').append(i % 3 == 0 ? "" : "row " + i).append('\n');
    driver.bulk(c, "driver_bulk", lines.toString());
    return asked(c, "SELECT COUNT(*), SUM(CAST(id AS BIGINT)), COUNT(s) FROM driver_bulk");
  }

  private static Object large(Connection c) throws Exception {
    table(c, "driver_large", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(MAX) NULL, y VARBINARY(MAX) NULL");
    byte[] bytes = new byte[LARGE];
    for (int i = 0; i < LARGE; i++) bytes[i] = (byte) i;
    try (PreparedStatement s = c.prepareStatement("INSERT INTO driver_large (id, s, y) VALUES (?, ?, ?)")) {
      s.setInt(1, 1);
      s.setString(2, "0123456789abcdef".repeat(LARGE / 16));
      s.setBytes(3, bytes);
      s.executeUpdate();
    }
    return asked(c, "SELECT id, s, y, LEN(s), DATALENGTH(y) FROM driver_large");
  }

  private static Object errors(Connection c) throws Exception {
    table(c, "driver_errors", "id INT NOT NULL PRIMARY KEY");
    List<Object> found = new ArrayList<>();
    for (String sql : List.of("INSERT INTO driver_errors (id) VALUES (1)", "SELECT FROM WHERE", "SELECT 1 / 0",
        "INSERT INTO driver_errors (id) VALUES (1)", "INSERT INTO driver_errors (id) VALUES (NULL)",
        "SELECT * FROM no_such_table", "RAISERROR('mine', 16, 1)", "THROW 50001, 'mine', 1")) {
      try {
        asked(c, sql);
        found.add(0);
      } catch (SQLException error) {
        found.add(error.getErrorCode());
      }
    }
    return Arrays.asList(found, asked(c, "SELECT COUNT(*) FROM driver_errors"));
  }

  private Map<String, Scenario> all() {
    Map<String, Scenario> all = new LinkedHashMap<>();
    all.put("connect", c -> asked(c, "SELECT DB_NAME(), SUSER_SNAME(), APP_NAME()"));
    all.put("types", c -> asked(c, types));
    all.put("nulls", c -> asked(c, nulls));
    all.put("results", Scenarios::results);
    all.put("parameters", Scenarios::parameters);
    all.put("prepared", Scenarios::prepared);
    all.put("commit", c -> transaction(c, "driver_commit", true));
    all.put("rollback", c -> transaction(c, "driver_rollback", false));
    all.put("cancel", Scenarios::cancel);
    all.put("timeout", Scenarios::timeout);
    all.put("bulk", this::bulk);
    all.put("large", Scenarios::large);
    all.put("errors", Scenarios::errors);
    return all;
  }

  private void tell(Place place, String name, Scenario scenario) {
    String said;
    try {
      Object result;
      if (scenario == null) {
        result = driver.reset(place);
      } else {
        try (Connection c = driver.open(place)) {
          result = scenario.run(c);
        }
      }
      said = "\"result\":" + Values.json(result);
    } catch (Cannot reason) {
      said = "\"skip\":" + Values.json(reason.getMessage());
    } catch (Throwable error) {
      String text = error + (error.getCause() == null ? "" : ": " + error.getCause());
      said = "\"failed\":" + Values.json(text.substring(0, Math.min(300, text.length())));
    }
    System.out.println("{\"place\":" + Values.json(place.label) + ",\"name\":" + Values.json(name) + "," + said + "}");
  }

  public static void main(String[] words) throws Exception {
    Driver driver = words[0].equals("jtds") ? new Jtds() : new Microsoft();
    Scenarios scenarios = new Scenarios(driver, Path.of(words[1]));
    for (String word : Arrays.asList(words).subList(3, words.length)) {
      String[] part = word.split(":");
      Place place = new Place(part[0], part[1], Integer.parseInt(part[2]), words[2]);
      scenarios.all().forEach((name, scenario) -> scenarios.tell(place, name, scenario));
      scenarios.tell(place, "reset", null);
    }
    System.exit(0);
  }
}
