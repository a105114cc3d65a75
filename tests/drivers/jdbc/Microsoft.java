import com.microsoft.sqlserver.jdbc.SQLServerBulkCSVFileRecord;
import com.microsoft.sqlserver.jdbc.SQLServerBulkCopy;
import com.microsoft.sqlserver.jdbc.SQLServerConnectionPoolDataSource;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Types;
import java.util.Arrays;
import javax.sql.PooledConnection;

/** Microsoft's driver. Without encrypt its login is encrypted wherever the server can. */
final class Microsoft implements Scenarios.Driver {
  static String url(Scenarios.Place place) {
    String encrypt = switch (place.encryption()) {
      case "on" -> "encrypt=true;trustServerCertificate=true";
      case "strict" -> "encrypt=strict;serverCertificate=" + place.ca();
      default -> "encrypt=false;trustServerCertificate=true";
    };
    return "jdbc:sqlserver://localhost:" + place.port() + ";databaseName=master;applicationName=drivers;user=sa;"
        + "password=sqlnode;loginTimeout=10;socketTimeout=30000;enablePrepareOnFirstPreparedStatementCall=true;" + encrypt;
  }

  @Override
  public Connection open(Scenarios.Place place) throws Exception {
    return DriverManager.getConnection(url(place));
  }

  @Override
  public void bulk(Connection to, String table, String lines) throws Exception {
    try (var from = new ByteArrayInputStream(lines.getBytes(StandardCharsets.UTF_8));
         var records = new SQLServerBulkCSVFileRecord(from, "UTF-8", "\t", false);
         var copy = new SQLServerBulkCopy(to)) {
      records.addColumnMetadata(1, "id", Types.INTEGER, 0, 0);
      records.addColumnMetadata(2, "s", Types.NVARCHAR, 50, 0);
      copy.setDestinationTableName(table);
      copy.writeToServer(records);
    }
  }

  /** The driver's pooled connection is reset when it is handed out again. */
  @Override
  public Object reset(Scenarios.Place place) throws Exception {
    SQLServerConnectionPoolDataSource source = new SQLServerConnectionPoolDataSource();
    source.setURL(url(place));
    PooledConnection pooled = source.getPooledConnection();
    try {
      Object before;
      try (Connection c = pooled.getConnection()) {
        before = Scenarios.asked(c, "SELECT @@SPID");
        Scenarios.asked(c, "CREATE TABLE #left (id INT)");
        Scenarios.asked(c, "USE tempdb");
      }
      try (Connection c = pooled.getConnection()) {
        return Arrays.asList(before.equals(Scenarios.asked(c, "SELECT @@SPID")),
            Scenarios.asked(c, "SELECT OBJECT_ID('tempdb..#left'), DB_NAME()"));
      }
    } finally {
      pooled.close();
    }
  }
}
