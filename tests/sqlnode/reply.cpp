#include "tests/sqlnode/reply.h"

#include <algorithm>

#include "tds/little.h"
#include "tests/sqlnode/encode.h"
#include "tests/sqlnode/scalars.h"

namespace holdfast::sqlnode {

void Reply::columns(const std::vector<Column>& columns) {
  flush_done(true);
  columns_ = columns;
  rowless_ = columns_only_ && columns_only_();
  append_columns(out_, wire_->version, columns_);
  send_full();
}

bool Reply::row(const std::vector<Value>& row) {
  if (!rowless_) append_row(out_, wire_->version, columns_, row);
  send_full();
  return !gone_ && running_();
}

void Reply::done(bool counted, std::uint64_t count, std::uint16_t command) {
  // An autocommit write is as committed as a transaction's end.
  const bool write = command == 0xC3 || command == 0xC4 || command == 0xC5;
  if (write && !in_transaction_()) wire_->faults->wait_while_held([this] { return !running_(); });
  tds::Done done;
  done.token = in_call_ ? tds::Token::DoneInProc : tds::Token::Done;
  done.command = command;
  done.count = counted && !(rowless_ && !write) ? count : 0;
  rowless_ = false;
  if (counted) done.status |= tds::done_status::count;
  put_done(done);
}

void Reply::put_done(const tds::Done& done) {
  flush_done(true);
  pending_ = done;
  if (error_) pending_->status |= tds::done_status::error;
  error_ = false;
}

void Reply::flush_done(bool more) {
  if (!pending_) return;
  if (more) pending_->status |= tds::done_status::more;
  tds::append_done(out_, wire_->version, *pending_);
  pending_.reset();
}

void Reply::message(tds::Token token, const Message& message) {
  flush_done(true);
  tds::ServerMessage wire;
  wire.token = token;
  wire.number = message.number;
  wire.state = message.state;
  wire.severity = message.severity;
  wire.text = tds::to_utf16(message.text);
  wire.server = tds::to_utf16(wire_->server);
  wire.procedure = tds::to_utf16(message.procedure);
  wire.line = message.line;
  tds::append_server_message(out_, wire_->version, wire);
  send_full();
}

void Reply::error(const Message& what) {
  message(tds::Token::Error, what);
  error_ = any_error_ = true;
  status_ = static_cast<std::int32_t>(what.number);
  fatal_ = fatal_ || what.severity >= 20;
}

void Reply::info(const Message& what) { message(tds::Token::Info, what); }

void Reply::environment(tds::EnvKind kind, Bytes now, Bytes before) {
  flush_done(true);
  tds::append_env_change(out_, kind, now, before);
}

void Reply::raw(Bytes tokens) {
  flush_done(true);
  out_ += tokens;
}

void Reply::database(const std::string& now, const std::string& before) {
  environment(tds::EnvKind::Database, tds::to_utf16(now), tds::to_utf16(before));
  info({5701, 2, 0, "Changed database context to '" + now + "'.", "", 1});
}

void Reply::language(const std::string& now, const std::string& before) {
  environment(tds::EnvKind::Language, tds::to_utf16(now), tds::to_utf16(before));
  info({5703, 1, 0, "Changed language setting to " + now + ".", "", 1});
}

void Reply::began(std::uint64_t descriptor) {
  environment(tds::EnvKind::Begin, to_little(descriptor, 8), {});
}

void Reply::ended(std::uint64_t descriptor, bool committed) {
  if (committed) wire_->faults->wait_while_held([this] { return !running_(); });
  environment(committed ? tds::EnvKind::Commit : tds::EnvKind::Rollback, {}, to_little(descriptor, 8));
}

void Reply::begin_call() {
  in_call_ = true;
  status_ = 0;
  outputs_.clear();
}

void Reply::end_call(const std::vector<std::string>& names, bool with_status) {
  flush_done(true);
  if (with_status) tds::append_return_status(out_, status_);
  for (const Parameter& output : outputs_) {
    const auto place = std::find(names.begin(), names.end(), output.name);
    const auto ordinal = static_cast<std::uint16_t>(place == names.end() ? 0 : place - names.begin());
    append_return_value(out_, wire_->version, ordinal, output);
  }
  put_done({tds::Token::DoneProc, 0, 0xE0, 0});
  in_call_ = false;
  send_full();
}

bool Reply::finish(Bytes last_token) {
  if (!pending_ || error_) put_done({tds::Token::Done, 0, 0, 0});
  out_ += last_token;
  flush_done(false);
  send_full(true);
  send_packet(out_, true);
  out_.clear();
  return !gone_;
}

std::size_t Reply::next_size() {
  const std::size_t most = wire_->packet_size - tds::packet_header_size;
  if (!wire_->faults->odd_packets) return most;
  odd_ = odd_ * 1103515245 + 12345;
  return 1 + (odd_ >> 16) % most;
}

void Reply::send_full(bool all) {
  if (!all && out_.size() < wire_->packet_size) return;
  std::size_t at = 0;
  while (true) {
    const std::size_t size = next_size();
    if (out_.size() - at <= size) break;  // the last bytes wait, because EOM may belong to them
    send_packet(Bytes(out_).substr(at, size), false);
    at += size;
  }
  out_.erase(0, at);
}

void Reply::send_packet(Bytes payload, bool last) {
  if (gone_) return;
  tds::PacketHeader header;
  header.type = tds::PacketType::Response;
  header.status = last ? tds::packet_status::eom : 0;
  header.length = static_cast<std::uint16_t>(payload.size() + tds::packet_header_size);
  header.spid = wire_->spid;
  header.id = packet_id_++;
  std::string packet;
  tds::append_packet_header(packet, header);
  packet += payload;
  gone_ = !wire_->channel->write(packet);
}

}  // namespace holdfast::sqlnode
