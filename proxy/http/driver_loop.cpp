#include "proxy/http/driver_loop.h"

#include <charconv>
#include <cstring>
#include <ctime>
#include <random>

#include "proxy/http/driver_client.h"
#include "proxy/http/driver_exchange.h"

namespace holdfast::http {

namespace {
constexpr std::size_t spare_max = 256;

void append_hex(std::string& out, std::uint64_t value) {
  char digits[16];
  auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  out.append(digits, end);
}
}  // namespace

ServiceHub::ServiceHub(HttpLoop& loop, PlanPtr plan, std::size_t index, Service::Report report)
    : origin(std::move(plan)),
      origin_index(index),
      counters(loop.metrics.service(origin->snapshot().services[index].name,
                                    origin->snapshot().services[index].instances.size())),
      service(origin->snapshot().services[index], std::move(report)),
      pool(loop, *this) {}

HttpLoop::HttpLoop(io::Loop& l, Sessions& s, LoopMetrics& m, AccessLog& a, unsigned n)
    : loop(l), sessions(s), metrics(m), access(a), number(n), spill_scratch(new char[spill_scratch_size]) {
  std::random_device random;  // request ids must not repeat after a restart, nor on the other node
  append_hex(id_prefix_, (std::uint64_t{random()} << 32) | random());
  id_prefix_ += '-';
}

HttpLoop::~HttpLoop() = default;

void HttpLoop::turn_end() {
  while (ClientConnection* connection = unsettled.pop_front()) connection->settle();
  if (!retired.empty()) retired.clear();
}

std::string_view HttpLoop::next_request_id(std::string& out) {
  ++id_count_;
  out.resize_and_overwrite(id_prefix_.size() + 16, [this](char* to, std::size_t size) {
    std::memcpy(to, id_prefix_.data(), id_prefix_.size());
    const char* end = std::to_chars(to + id_prefix_.size(), to + size, id_count_, 16).ptr;
    return static_cast<std::size_t>(end - to);
  });
  return out;
}

std::string_view HttpLoop::date() {
  if (loop.now() < date_until_) return date_;
  const std::int64_t us = loop.wall().us;
  const std::time_t seconds = us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  date_until_ = loop.now() + Duration::micros(1'000'000 - us % 1'000'000);
  return date_;
}

std::unique_ptr<ExchangeDriver> HttpLoop::take_exchange() {
  if (spare_.empty()) return std::make_unique<ExchangeDriver>(*this);
  auto exchange = std::move(spare_.back());
  spare_.pop_back();
  return exchange;
}

void HttpLoop::give_back(std::unique_ptr<ExchangeDriver> exchange) {
  if (spare_.size() < spare_max) spare_.push_back(std::move(exchange));
}

}  // namespace holdfast::http
