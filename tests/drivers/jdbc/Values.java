import java.security.MessageDigest;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.ResultSet;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Values written as every driver here writes them, and the JSON of a result; see scenario.py. */
final class Values {
  static List<Object> rows(ResultSet from) throws Exception {
    List<Object> found = new ArrayList<>();
    int width = from.getMetaData().getColumnCount();
    while (from.next()) {
      List<Object> row = new ArrayList<>();
      for (int i = 1; i <= width; i++) row.add(text(from.getObject(i)));
      found.add(row);
    }
    return found;
  }

  static String text(Object value) throws Exception {
    if (value == null) return null;
    if (value instanceof Boolean bit) return bit ? "1" : "0";
    if (value instanceof Blob blob) return text(blob.getBytes(1, (int) blob.length()));
    if (value instanceof Clob clob) return text(clob.getSubString(1, (int) clob.length()));
    if (value instanceof byte[] bytes) return bytes.length < 100 ? HexFormat.of().formatHex(bytes) : digest(bytes);
    if (value instanceof Timestamp time) return time.toLocalDateTime().toString().replace('T', ' ');
    String text = value.toString();
    if (text.matches("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")) return text.toLowerCase();
    // TDS before 7.3 has no DATETIME2, and sends the text of one.
    if (text.matches("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{7}")) return text.substring(0, 23);
    return text.length() < 100 ? text : digest(text.getBytes("UTF-8"));
  }

  static String digest(byte[] data) throws Exception {
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(data);
    return data.length + " " + HexFormat.of().formatHex(hash).substring(0, 16);
  }

  static String json(Object value) {
    if (value == null) return "null";
    if (value instanceof List<?> list) return "[" + String.join(",", list.stream().map(Values::json).toList()) + "]";
    if (!(value instanceof String text)) return value.toString();
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c < ' ' || c == '"' || c == '\\' || c > '~') out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }
}
