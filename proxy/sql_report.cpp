#include "proxy/sql_report.h"

#include <algorithm>
#include <cstdio>

#include "proxy/json.h"
#include "proxy/status.h"

namespace holdfast {
namespace {

using Cells = std::vector<std::string>;

/// Rows under their headings, each column as wide as its widest cell.
std::string table_of(const std::vector<Cells>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Cells& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const Cells& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string shown(std::string_view text, std::size_t longest) {
  std::string out = printable(text);
  if (out.size() > longest) out = out.substr(0, longest - 1) + "~";
  return out.empty() ? "-" : out;
}

std::string hex(std::uint64_t digest) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(digest));
  return text;
}

std::string mean(const tds::DigestRow& row) {
  return span_text(row.took / static_cast<std::int64_t>(std::max<std::uint64_t>(row.count, 1)));
}

void write_row(JsonWriter& json, const std::string& service, const tds::DigestRow& row) {
  json.begin_object().field("service", service).field("digest", row.digest ? hex(row.digest) : std::string());
  json.field("statement", row.text).field("count", row.count).field("errors", row.errors);
  json.field("repeated", row.repeated).field("held", row.held).field("rows", row.rows);
  json.field("bytes_in", row.bytes_in).field("bytes_out", row.bytes_out);
  json.key("total_ms").thousandths(row.took.to_micros());
  json.key("median_ms").thousandths(row.latency.quantile(0.5).to_micros());
  json.key("percentile99_ms").thousandths(row.latency.quantile(0.99).to_micros());
  json.key("max_ms").thousandths(row.latency.max().to_micros()).end_object();
}

}  // namespace

std::string sql_sessions_text(const std::vector<SqlSessionRow>& rows) {
  if (rows.empty()) return "no SQL sessions\n";
  std::vector<Cells> cells = {{"ID", "CLIENT", "LOGIN", "APPLICATION", "DATABASE", "INSTANCE", "STATE",
                               "SINCE", "TRAN", "POOL", "RECOVERY", "PREPARED", "REQUESTS", "SURVIVED", "LAST"}};
  for (const SqlSessionRow& r : rows) {
    const std::string recovery = !r.unrecoverable.empty() ? "no: " + r.unrecoverable
                                 : r.recovery_by_server   ? "server"
                                                          : "proxy";
    cells.push_back({std::to_string(r.number), r.client, shown(r.login, 20), shown(r.application, 20),
                     shown(r.database, 20), r.service + "/" + (r.instance.empty() ? "-" : r.instance),
                     r.state, span_text(r.since), r.in_transaction ? "yes" : "-", shown(r.pool, 60), recovery,
                     std::to_string(r.prepared), std::to_string(r.requests), std::to_string(r.survived),
                     shown(r.last_digest, 60)});
  }
  return table_of(cells);
}

std::string sql_sessions_json(const std::vector<SqlSessionRow>& rows) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const SqlSessionRow& r : rows) {
    json.begin_object().field("id", r.number).field("client", r.client).field("login", r.login);
    json.field("application", r.application).field("host", r.host).field("database", r.database);
    json.field("service", r.service).field("instance", r.instance).field("state", r.state);
    json.field("since_seconds", r.since.to_seconds()).field("age_seconds", r.age.to_seconds());
    json.field("in_transaction", r.in_transaction).field("unrecoverable", r.unrecoverable);
    json.field("pool", r.pool);
    json.field("recovery_by_server", r.recovery_by_server).field("prepared", r.prepared);
    json.field("requests", r.requests).field("survived", r.survived).field("last", r.last_digest);
    json.end_object();
  }
  json.end_array();
  return out += '\n';
}

std::string sql_top_text(const SqlTables& tables) {
  std::vector<Cells> cells = {{"SERVICE", "DIGEST", "TOTAL", "SHARE", "COUNT", "ERRORS", "REPEATED", "HELD",
                               "ROWS", "MEAN", "P99", "MAX", "STATEMENT"}};
  for (const auto& [service, table] : tables) {
    const std::vector<const tds::DigestRow*> rows = table.rows();
    Duration all{1};
    for (const tds::DigestRow* r : rows) all = all + r->took;
    for (std::size_t i = 0; i < std::min(rows.size(), sql_top_rows); ++i) {
      const tds::DigestRow& r = *rows[i];
      const auto percent = static_cast<int>(100.0 * r.took.to_seconds() / all.to_seconds() + 0.5);
      cells.push_back({service, r.digest ? hex(r.digest) : "-", span_text(r.took),
                       std::to_string(percent) + "%", std::to_string(r.count), std::to_string(r.errors),
                       std::to_string(r.repeated), std::to_string(r.held), std::to_string(r.rows), mean(r),
                       span_text(r.latency.quantile(0.99)), span_text(r.latency.max()), shown(r.text, 120)});
    }
  }
  return cells.size() == 1 ? "no SQL statements yet\n" : table_of(cells);
}

std::string sql_top_json(const SqlTables& tables) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const auto& [service, table] : tables)
    for (const tds::DigestRow* row : table.rows()) write_row(json, service, *row);
  json.end_array();
  return out += '\n';
}

}  // namespace holdfast
