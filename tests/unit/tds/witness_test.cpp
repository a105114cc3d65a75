#include "tds/witness.h"

#include <catch2/catch.hpp>

using namespace holdfast::tds;

namespace {

int verdict(std::optional<std::string> holder, std::optional<std::string> leased) {
  const AnswerTable table{"holder", {AnswerTable::Row{std::move(holder), "7", std::move(leased)}}};
  return judge_witness("ef-a", std::span(&table, 1), "").verdict;
}

}  // namespace

TEST_CASE("the witness speaks for the node that has the lease, and for nobody once it has expired") {
  CHECK(verdict("ef-a", "1") == 1);
  CHECK(verdict("ef-b", "1") == -1);
  CHECK(verdict("ef-a", "0") == 0);
  CHECK(verdict("ef-b", "0") == 0);
  CHECK(verdict("", "1") == 0);
  CHECK(verdict(std::nullopt, std::nullopt) == 0);
  CHECK(judge_witness("ef-a", {}, "").verdict == 0);
  const AnswerTable none{"holder", {}};
  CHECK(judge_witness("ef-a", std::span(&none, 1), "").verdict == 0);
}

TEST_CASE("a witness that says nothing says why") {
  const AnswerTable none{"holder", {}};
  CHECK(judge_witness("ef-a", std::span(&none, 1), "").why ==
        "dbo.holdfast_witness has no row of this cluster");
  CHECK(judge_witness("ef-a", {}, "error 262: CREATE TABLE permission denied").why ==
        "error 262: CREATE TABLE permission denied");
  const AnswerTable expired{"holder", {AnswerTable::Row{"ef-b", "7", "0"}}};
  CHECK(judge_witness("ef-a", std::span(&expired, 1), "").why == "nobody has the lease");
  const AnswerTable leased{"holder", {AnswerTable::Row{"ef-b", "7", "1"}}};
  CHECK(judge_witness("ef-a", std::span(&leased, 1), "").why.empty());
}

TEST_CASE("only taking writes, and only over what is expired or one's own") {
  CHECK(witness_batch("orders", "ef-a", WitnessAct::Read).find("UPDATE") == std::string::npos);
  const std::string take = witness_batch("orders", "ef-a", WitnessAct::Take);
  CHECK(take.find("(holder = N'ef-a' OR lease_until < SYSUTCDATETIME())") != std::string::npos);
  CHECK(take.find("DATEADD(millisecond, 1000, SYSUTCDATETIME())") != std::string::npos);
  CHECK(witness_batch("it's", "ef-a", WitnessAct::Read).find("N'it''s'") != std::string::npos);
}
