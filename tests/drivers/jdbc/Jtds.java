import java.sql.Connection;
import java.sql.DriverManager;

/** jTDS: TDS 7.1. Without ssl it sends no PRELOGIN at all. */
final class Jtds implements Scenarios.Driver {
  @Override
  public Connection open(Scenarios.Place place) throws Exception {
    String ssl = switch (place.encryption()) {
      case "login" -> "request";
      case "on" -> "require";
      default -> "off";
    };
    Class.forName("net.sourceforge.jtds.jdbc.Driver");
    return DriverManager.getConnection("jdbc:jtds:sqlserver://localhost:" + place.port() + "/master;appName=drivers;"
        + "loginTimeout=10;socketTimeout=30;ssl=" + ssl, "sa", "sqlnode");
  }

  @Override
  public void bulk(Connection to, String table, String lines) throws Exception {
    throw new Scenarios.Cannot("jTDS has no bulk insert");
  }

  @Override
  public Object reset(Scenarios.Place place) throws Exception {
    throw new Scenarios.Cannot("jTDS does not reset connections");
  }
}
