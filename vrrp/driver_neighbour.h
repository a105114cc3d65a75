// Answers ARP and neighbour discovery for the virtual addresses of one interface, in this process: the
// addresses stand on `lo`, where the kernel does not answer for them, so that a process that is dead or
// frozen answers nothing. Also announces, and asks gateways. Owned by the real-time thread, on its loop. It
// does not decide who holds an address: whatever it was last told to answer for, it answers for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/io/io.h"
#include "vrrp/driver_descriptor.h"
#include "vrrp/frames.h"

namespace holdfast::vrrp {

class NeighbourEvents {
 public:
  /// Asked once for each batch of frames, before any is answered: the place to find out that this process
  /// stood still, and to give the addresses up (set_answered) before its first packet. False: no question of
  /// the batch is answered. Neither callback may end the Neighbour.
  virtual bool may_answer() = 0;
  /// Somebody says where an address lives: a gateway, or another node that answers for a virtual address.
  virtual void on_told(const std::string& interface, const Told& told) = 0;

 protected:
  ~NeighbourEvents() = default;
};

class Neighbour final : io::WatchEvents {
 public:
  struct Answered {
    Address vip;
    Mac mac{};  ///< of the interface, or virtual
    friend bool operator==(const Answered&, const Answered&) = default;
  };
  struct Counters {
    std::uint64_t answered = 0, announced = 0, dropped = 0;
  };

  /// Fails without CAP_NET_RAW, and on an interface that is not Ethernet.
  static Result<std::unique_ptr<Neighbour>> open(io::Loop& loop, const std::string& interface,
                                                 NeighbourEvents& events);

  /// From now on these are answered for, and no others. Joins and leaves the solicited-node groups, so that a
  /// switch that watches memberships lets the questions through (RFC 4541 section 3).
  Status set_answered(std::vector<Answered> addresses);
  const std::vector<Answered>& answered() const { return answered_; }
  /// One round: gratuitous ARP as request and as reply, or an unsolicited neighbour advertisement.
  Status announce(const Answered& one);
  /// on_told follows if it lives. `own` is this node's address on the interface, `to` its MAC if known.
  Status ask_gateway(const Mac& own_mac, const Address& own, const Address& gateway, const Mac* to);

  const std::string& interface() const { return interface_; }
  int index() const { return index_; }
  const Counters& counters() const { return counters_; }

 private:
  Neighbour(std::string interface, int index, NeighbourEvents& events)
      : events_(events), interface_(std::move(interface)), index_(index) {}
  void on_readable() override;
  void read_batch(int socket, bool may_answer);
  void handle(Bytes frame, bool may_answer);
  Status send(Bytes frame);
  Status join(const Address& vip, bool joined);

  NeighbourEvents& events_;
  std::string interface_;
  int index_;
  std::vector<Answered> answered_;
  Counters counters_;
  Descriptor arp_, nd_, groups_;
  io::WatchPtr arp_watch_, nd_watch_;  ///< before the descriptors
};

}  // namespace holdfast::vrrp
