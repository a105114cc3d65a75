#include "tests/sqlnode/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "tds/packet.h"

namespace holdfast::sqlnode {

Channel::~Channel() { ::close(fd_); }

void Channel::shut() { ::shutdown(fd_, SHUT_RDWR); }

bool Channel::read_raw(std::string& raw) {
  char buffer[32768];
  while (true) {
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    raw.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
}

bool Channel::fill(std::size_t bytes) {
  while (raw_.size() < bytes)
    if (!read_raw(raw_)) return false;
  return true;
}

int Channel::peek() { return fill(1) ? static_cast<unsigned char>(raw_[0]) : -1; }

std::size_t Channel::fill_record() {
  constexpr std::size_t header = 5;
  if (!fill(header)) return 0;
  const auto high = static_cast<unsigned char>(raw_[3]), low = static_cast<unsigned char>(raw_[4]);
  const std::size_t whole = header + (static_cast<std::size_t>(high) << 8 | low);
  return fill(whole) ? whole : 0;
}

Status Channel::start_strict(const TlsCertificate& certificate) {
  auto tls = std::make_unique<TlsSession>(certificate.strict());
  while (true) {
    const std::size_t record = fill_record();
    if (record == 0) return fail(Blame::Client, "closed in the TLS handshake");
    std::string out;
    const auto done = tls->handshake(Bytes(raw_).substr(0, record), out);
    raw_.erase(0, record);
    if (!out.empty() && !faults_->deliver(fd_, out))
      return fail(Blame::Client, "closed in the TLS handshake");
    if (!done) return std::unexpected(done.error());
    if (*done) break;
  }
  tls_ = std::move(tls);
  return {};
}

Status Channel::start_wrapped(const TlsCertificate& certificate) {
  auto tls = std::make_unique<TlsSession>(certificate.wrapped());
  while (true) {
    if (!fill(tds::packet_header_size)) return fail(Blame::Client, "closed in the TLS handshake");
    const auto header = tds::parse_packet_header(Bytes(raw_).substr(0, tds::packet_header_size));
    if (!header) return std::unexpected(header.error());
    if (header->type != tds::PacketType::Prelogin)
      return fail(Blame::Client, "not a PRELOGIN packet in the handshake");
    if (!fill(header->length)) return fail(Blame::Client, "closed in the TLS handshake");
    const std::string records =
        raw_.substr(tds::packet_header_size, header->length - tds::packet_header_size);
    raw_.erase(0, header->length);
    std::string out, packets;
    const auto done = tls->handshake(records, out);
    if (!out.empty())
      tds::append_message(packets, tds::PacketType::Prelogin, out, tds::packet_size_before_login);
    if (!packets.empty() && !faults_->deliver(fd_, packets))
      return fail(Blame::Client, "closed in the TLS handshake");
    if (!done) return std::unexpected(done.error());
    if (*done) break;
  }
  tls_ = std::move(tls);
  return {};
}

void Channel::end_tls() {
  const std::lock_guard lock(mutex_);
  tls_.reset();
}

bool Channel::read(std::string& plain) {
  if (!tls_) {
    if (raw_.empty()) return read_raw(plain);
    plain += raw_;
    raw_.clear();
    return true;
  }
  const std::size_t before = plain.size();
  while (plain.size() == before) {
    const std::size_t record = fill_record();
    if (record == 0) return false;
    const std::lock_guard lock(mutex_);
    const bool more = tls_->decrypt(Bytes(raw_).substr(0, record), plain);
    raw_.erase(0, record);
    if (!more) return plain.size() != before;
  }
  return true;
}

bool Channel::write(Bytes plain) {
  const std::lock_guard lock(mutex_);
  if (!tls_) return faults_->deliver(fd_, plain);
  std::string out;
  return tls_->encrypt(plain, out) && faults_->deliver(fd_, out);
}

}  // namespace holdfast::sqlnode
