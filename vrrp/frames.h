// Ethernet frames that say where a virtual address lives: gratuitous ARP (RFC 826, RFC 5227 section 3) and
// unsolicited neighbour advertisements (RFC 4861 section 4.4), the answers to the questions for it, and probes
// of the gateway. This process answers ARP and ND for its addresses by itself, so that a node whose
// process is dead or frozen does not answer at all. Pure: bytes in, bytes out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/time.h"

namespace holdfast::vrrp {

using Mac = std::array<std::uint8_t, 6>;
inline constexpr Mac broadcast_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
Mac virtual_mac(Address::Family family, std::uint8_t vrid);  ///< RFC 9568 section 7.3

/// Whole frames, header included. `vip` has port 0.
std::string gratuitous_arp(const Mac& mac, const Address& vip, bool reply);
std::string unsolicited_na(const Mac& mac, const Address& vip);

/// A question for an address: who asks, and from where the answer must come.
struct Question {
  Address target;  ///< the address asked for
  Address asker;  ///< zero address: a probe (RFC 5227) or duplicate address detection
  Mac asker_mac{};
};
/// An ARP request or a neighbour solicitation (hop limit 255, checksum, options checked: RFC 4861 7.1.1);
/// empty for anything else and for anything malformed.
std::optional<Question> read_question(Bytes frame);
std::string answer(const Mac& mac, const Question& question);

/// Asks the gateway; `to` is its MAC if known, else broadcast or the solicited-node group.
std::string ask(const Mac& own_mac, const Address& own, const Address& gateway, const Mac* to);
struct Told {
  Address address;
  Mac mac{};
};
/// An ARP reply or a neighbour advertisement: somebody says where an address lives.
std::optional<Told> read_told(Bytes frame);

/// When announcements of one take-over are due: at once, then after 10, 50, 200 ms, 1 s and 5 s, then every
/// `refresh`; see D.4 of the reference on VRRP.
class AnnounceSchedule {
 public:
  explicit AnnounceSchedule(Duration refresh = 60_s) : refresh_(refresh) {}
  void begin(Instant now);  ///< the first is due now
  void end() { due_ = Instant::never(); }
  Instant due() const { return due_; }
  void sent(Instant now);  ///< moves on to the next
 private:
  Duration refresh_;
  std::size_t step_ = 0;
  Instant begun_, due_ = Instant::never();
};

}  // namespace holdfast::vrrp
