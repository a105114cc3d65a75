#include "tests/portal/sql_store.h"

#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/portal/http.h"

namespace portal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned clients_max = 4;
constexpr std::chrono::milliseconds patience{8000}, pause{20};
constexpr int rolled_back = 1205, unknown_outcome = 50701, duplicate = 2627;

const char* const tables = R"(
if object_id('counters') is null create table counters (name varchar(20) primary key, n bigint)
if object_id('executions') is null create table executions (id varchar(100) not null,
  mark varchar(60) not null, method varchar(10), path varchar(100), instance varchar(100),
  primary key (id, mark))
if object_id('keys') is null create table keys (k varchar(100) primary key, id varchar(100))
if object_id('records') is null create table records (id varchar(100) primary key, body varchar(1000))
if object_id('sessions') is null create table sessions (token varchar(100) primary key, who varchar(100))
if object_id('tokens') is null create table tokens (token varchar(100) primary key)
if object_id('customers') is null create table customers (n int primary key, name varchar(20),
  queue varchar(20))
if not exists (select 1 from counters where name = 'executed') insert into counters values ('executed', 0)
if not exists (select 1 from counters where name = 'twice') insert into counters values ('twice', 0)
)";

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

std::string first_cell(const SqlClient::Rows& rows) { return rows.empty() ? std::string() : rows[0][0]; }

}  // namespace

// ---- connections ----

SqlStore::Client SqlStore::connect() {
  make_tables();
  return std::make_unique<SqlClient>(port_, "portal " + instance_, "demo");
}

/// The other replica may do the same at this moment: what fails is tried again by the caller.
void SqlStore::make_tables() {
  std::lock_guard lock(tables_mutex_);
  if (tables_) return;
  SqlClient(port_, "portal " + instance_, "master").run("if db_id('demo') is null create database demo");
  SqlClient client(port_, "portal " + instance_, "demo");
  client.run(tables);
  std::string customers;
  for (unsigned n = 0; n < 32; ++n) {
    const auto [name, queue] = Store::customer(n);
    customers += "if not exists (select 1 from customers where n = " + std::to_string(n) +
                 ") insert into customers values (" + std::to_string(n) + ", " + quoted(name) + ", " +
                 quoted(queue) + ")\n";
  }
  client.run(customers);
  tables_ = true;
}

SqlStore::Client SqlStore::take() {
  std::unique_lock lock(mutex_);
  given_.wait(lock, [this] { return out_ < clients_max; });
  ++out_;
  if (idle_.empty()) return nullptr;
  Client client = std::move(idle_.back());
  idle_.pop_back();
  return client;
}

void SqlStore::give(Client client) {
  std::lock_guard lock(mutex_);
  --out_;
  if (client && !client->dead()) idle_.push_back(std::move(client));
  given_.notify_one();
}

void SqlStore::trying(const std::function<void(SqlClient&)>& work) {
  const auto end = Clock::now() + patience;
  for (;;) {
    Client client = take();
    try {
      if (!client) client = connect();
      work(*client);
      return give(std::move(client));
    } catch (const SqlError& error) {
      if (error.number == rolled_back)
        ++rolled_back_;
      else if (error.number == unknown_outcome)
        ++unknown_;
      else
        ++other_;
      give(nullptr);  // whatever state it is in
      if (Clock::now() > end) throw StoreFailed(error.what());
    }
    std::this_thread::sleep_for(pause);
  }
}

SqlClient::Rows SqlStore::ask(const std::string& batch) {
  SqlClient::Rows rows;
  trying([&](SqlClient& client) { rows = client.run(batch); });
  return rows;
}

// ---- changes ----

/// A transaction of two batches. The key's own row makes sure that it is used once.
void SqlStore::store(SqlClient& client, const Change& change, const std::string& mark, std::string& first) {
  const std::string id = quoted(change.id);
  try {
    client.run(
        "begin transaction" +
        (change.key.empty() ? "" : " insert into keys values (" + quoted(change.key) + ", " + id + ")"));
  } catch (const SqlError& error) {
    if (error.number != duplicate) throw;
    client.run("rollback transaction");
    first = first_cell(client.run("select id from keys where k = " + quoted(change.key)));
    return;
  }
  const bool post = change.method == "POST";
  client.run("insert into executions values (" + id + ", " + quoted(mark) + ", " + quoted(change.method) +
             ", " + quoted(change.path) + ", " + quoted(change.instance) +
             ") update counters set n = n + 1 where name = 'executed'" +
             (post ? " update counters set n = n + (select count(*) from executions where id = " + id +
                         " and mark <> " + quoted(mark) + ") where name = 'twice'"
                   : "") +
             " commit transaction");
}

std::string SqlStore::execute(const Change& change) {
  const std::string mark = std::to_string(::getpid()) + "-" + std::to_string(++marks_);
  std::string first;
  bool again = false;
  trying([&](SqlClient& client) {
    const std::string done =
        "select count(*) from executions where id = " + quoted(change.id) + " and mark = " + quoted(mark);
    if (again && first_cell(client.run(done)) != "0") return;
    again = true;
    store(client, change, mark, first);
  });
  return first;
}

void SqlStore::put_record(const std::string& id, const std::string& json) {
  ask("if exists (select 1 from records where id = " + quoted(id) +
      ") update records set body = " + quoted(json) + " where id = " + quoted(id) +
      " else insert into records values (" + quoted(id) + ", " + quoted(json) + ")");
}

void SqlStore::log_in(const std::string& session, const std::string& user) {
  ask("if not exists (select 1 from sessions where token = " + quoted(session) +
      ") insert into sessions values (" + quoted(session) + ", " + quoted(user) + ")");
}

void SqlStore::log_out(const std::string& session) {
  ask("delete from sessions where token = " + quoted(session));
}

bool SqlStore::once(const std::string& token) {
  bool fresh = false;
  trying([&](SqlClient& client) {
    fresh = false;
    try {
      client.run("insert into tokens values (" + quoted(token) + ")");
      fresh = true;
    } catch (const SqlError& error) {
      if (error.number != duplicate) throw;
    }
  });
  return fresh;
}

// ---- reads ----

std::string SqlStore::user_of(const std::string& session) {
  return first_cell(ask("select who from sessions where token = " + quoted(session)));
}

std::string SqlStore::record(const std::string& id) {
  return first_cell(ask("select body from records where id = " + quoted(id)));
}

unsigned SqlStore::executions(const std::string& id) {
  return static_cast<unsigned>(
      std::stoul(first_cell(ask("select count(*) from executions where id = " + quoted(id)))));
}

/// Of what is stored, not by instance: to count a long demo's rows each second would take its toll.
Totals SqlStore::totals() {
  Totals totals;
  for (const auto& row : ask("select name, n from counters"))
    (row[0] == "twice" ? totals.posts_twice : totals.executed) = std::stoull(row[1]);
  return totals;
}

Customer SqlStore::customer(unsigned number) {
  const auto rows = ask("select name, queue from customers where n = " + std::to_string(number % 32));
  return rows.empty() ? Customer{} : Customer{rows[0][0], rows[0][1]};
}

std::string SqlStore::state() {
  return "{\"rolled_back\":" + std::to_string(rolled_back_) + ",\"unknown\":" + std::to_string(unknown_) +
         ",\"other\":" + std::to_string(other_) + "}";
}

}  // namespace portal
