// Turns what the engine yields into the tokens of one response and sends them in packets as they fill. The
// last DONE is kept back until it is known whether more follows (MS-TDS 2.2.7.6).
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tds/packet.h"
#include "tds/token.h"
#include "tests/sqlnode/channel.h"
#include "tests/sqlnode/engine.h"

namespace holdfast::sqlnode {

/// What holds for a session's every response.
struct Wire {
  Channel* channel = nullptr;
  Faults* faults = nullptr;
  std::uint32_t version = 0;
  std::size_t packet_size = tds::packet_size_before_login;
  std::uint16_t spid = 0;
  std::string server;
};

class Reply final : public Sink {
 public:
  /// `running`: false once the client has cancelled or gone. `in_transaction`: the engine has a user's
  /// transaction now.
  Reply(const Wire& wire, std::function<bool()> running, std::function<bool()> in_transaction)
      : wire_(&wire), running_(std::move(running)), in_transaction_(std::move(in_transaction)) {}

  /// `only` true: SET FMTONLY ON, the columns of a result without its rows.
  void set_columns_only(std::function<bool()> only) { columns_only_ = std::move(only); }

  void columns(const std::vector<Column>& columns) override;
  bool row(const std::vector<Value>& row) override;
  void done(bool counted, std::uint64_t count, std::uint16_t command) override;
  void error(const Message& message) override;
  void info(const Message& message) override;
  void database(const std::string& now, const std::string& before) override;
  void language(const std::string& now, const std::string& before) override;
  void began(std::uint64_t descriptor) override;
  void ended(std::uint64_t descriptor, bool committed) override;
  void output(const Parameter& parameter) override { outputs_.push_back(parameter); }
  void status(std::int32_t value) override { status_ = value; }

  void environment(tds::EnvKind kind, Bytes now, Bytes before);
  /// Bytes of tokens that the caller has written itself.
  void raw(Bytes tokens);

  /// An RPC call's begin, and its end: return status, output values at their place among `names`, DONEPROC.
  void begin_call();
  void end_call(const std::vector<std::string>& names, bool with_status);
  /// Ends the response: `last_token` goes before the final DONE. False: the client is gone.
  bool finish(Bytes last_token = {});
  bool failed() const { return any_error_; }
  bool fatal() const { return fatal_; }

 private:
  void message(tds::Token token, const Message& message);
  void put_done(const tds::Done& done);
  void flush_done(bool more);
  void send_full(bool all = false);
  void send_packet(Bytes payload, bool last);
  std::size_t next_size();

  const Wire* wire_;
  std::function<bool()> running_, in_transaction_, columns_only_;
  std::string out_;
  std::vector<Column> columns_;
  std::vector<Parameter> outputs_;
  std::optional<tds::Done> pending_;
  std::int32_t status_ = 0;
  bool in_call_ = false, error_ = false, rowless_ = false, any_error_ = false, fatal_ = false, gone_ = false;
  std::uint8_t packet_id_ = 1;
  std::uint32_t odd_ = 12345;
};

}  // namespace holdfast::sqlnode
