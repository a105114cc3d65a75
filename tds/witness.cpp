#include "tds/witness.h"

#include <algorithm>
#include <charconv>

namespace holdfast::tds {

namespace {

std::string quoted(std::string_view name) {
  std::string out = "N'";
  for (char c : name) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

}  // namespace

std::string witness_setup(std::string_view cluster) {
  const std::string name = quoted(cluster);
  return "IF OBJECT_ID(N'dbo.holdfast_witness') IS NULL CREATE TABLE dbo.holdfast_witness ("
         "cluster nvarchar(64) NOT NULL PRIMARY KEY, holder nvarchar(64) NOT NULL, epoch bigint NOT NULL, "
         "lease_until datetime2(3) NOT NULL);\n"
         "IF NOT EXISTS (SELECT 1 FROM dbo.holdfast_witness WHERE cluster = " +
         name + ") INSERT INTO dbo.holdfast_witness (cluster, holder, epoch, lease_until) VALUES (" + name +
         ", N'', 0, SYSUTCDATETIME());\n";
}

std::string witness_batch(std::string_view cluster, std::string_view node, WitnessAct act) {
  const std::string me = quoted(node), where = " WHERE cluster = " + quoted(cluster);
  std::string batch;
  if (act == WitnessAct::Take)
    batch = "UPDATE dbo.holdfast_witness SET epoch = CASE WHEN holder = " + me +
            " THEN epoch ELSE epoch + 1 END, holder = " + me + ", lease_until = DATEADD(millisecond, " +
            std::to_string(witness_lease.to_millis()) + ", SYSUTCDATETIME())" + where +
            " AND (holder = " + me + " OR lease_until < SYSUTCDATETIME());\n";
  return batch +
         "SELECT holder, epoch, CASE WHEN lease_until >= SYSUTCDATETIME() THEN 1 ELSE 0 END AS leased "
         "FROM dbo.holdfast_witness" +
         where + ";\n";
}

WitnessAnswer judge_witness(std::string_view node, std::span<const AnswerTable> tables,
                            std::string_view complaint) {
  WitnessAnswer answer;
  const auto table =
      std::find_if(tables.begin(), tables.end(), [](const AnswerTable& t) { return t.name == "holder"; });
  if (table == tables.end() || table->rows.size() != 1 || table->rows.front().size() != 3) {
    answer.why = complaint.empty() ? "dbo.holdfast_witness has no row of this cluster" : complaint;
    return answer;
  }
  const AnswerTable::Row& row = table->rows.front();
  answer.holder = row[0].value_or("");
  const std::string epoch = row[1].value_or("0");
  std::from_chars(epoch.data(), epoch.data() + epoch.size(), answer.epoch);
  const bool leased = row[2] == "1" && !answer.holder.empty();
  if (leased) answer.verdict = answer.holder == node ? 1 : -1;
  if (!leased) answer.why = complaint.empty() ? "nobody has the lease" : complaint;
  return answer;
}

}  // namespace holdfast::tds
