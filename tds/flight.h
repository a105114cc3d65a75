// What a Conversation needs only while something is under way: the client's request, its answer, and what cuts,
// walks and packs their bytes. An idle session has none of it; those of one loop take theirs from a list of
// spare ones and give them back, so that in steady state nothing is allocated.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/time.h"
#include "tds/answer_digest.h"
#include "tds/packer.h"
#include "tds/packet.h"
#include "tds/request_facts.h"
#include "tds/stream_hash.h"
#include "tds/text_memory.h"
#include "tds/token_walk.h"
#include "tds/whole_packets.h"

namespace holdfast::tds {

struct Flight {
  struct RequestState {  // what clear() sets to nothing in one stroke
    PacketType type = PacketType::Batch;
    std::uint8_t status = 0;  ///< of its first packet
    bool whole = false;  ///< `payload` is all of it
    bool finished = false;  ///< the client has sent all of it
    bool flagged = false;  ///< `status` is not as it came
    bool in_transaction = false;  ///< when it was sent
    bool repeated = false, resent = false;
    std::int32_t prepared = 0;  ///< the handle that its answer gave the client
    bool read = false;  ///< `facts` are of it
    unsigned attempts = 0;
    std::size_t packets = 0, bytes = 0;
    std::uint64_t descriptor = 0;  ///< the client's, for an answer that ends the transaction
    Instant came, held_since;
    Duration held{};
  };
  struct Request : RequestState {
    std::string payload;  ///< up to `retain`
    RequestFacts facts;

    bool resets() const {
      return (status & (packet_status::reset_connection | packet_status::reset_connection_skip_tran)) != 0;
    }
    bool rolls_back_by_reset() const { return (status & packet_status::reset_connection) != 0; }
    void clear() {
      static_cast<RequestState&>(*this) = {};
      payload.clear();
      facts.clear();
    }
  };

  /// The last bytes of an answer, for its final DONE.
  class Tail {
   public:
    static constexpr std::size_t size_max = 13;
    void add(Bytes payload) {
      if (payload.size() >= size_max) {
        std::memcpy(bytes_.data(), payload.data() + payload.size() - size_max, size_max);
        size_ = size_max;
        return;
      }
      const std::size_t kept = std::min(size_, size_max - payload.size());
      std::memmove(bytes_.data(), bytes_.data() + size_ - kept, kept);
      std::memcpy(bytes_.data() + kept, payload.data(), payload.size());
      size_ = kept + payload.size();
    }
    Bytes bytes() const { return {bytes_.data(), size_}; }
    void clear() { size_ = 0; }

   private:
    std::array<char, size_max> bytes_;
    std::size_t size_ = 0;
  };

  struct AnswerState {
    bool begun = false, rewriting = false, walking = false, repacking = false, attention_owed = false;
    bool hashed = false;
    bool given = false;  ///< some of it has gone to the client
    bool early = false;  ///< it was over before the client had sent all of its request
    bool drops_reset = false;  ///< the reset was our wish: the client is not told of it
    std::uint32_t error = 0;  ///< the first one seen
    std::uint64_t expect = 0,
                  expect_hash = 0;  ///< of a repeated answer: so many bytes the client has already
    std::uint64_t bytes = 0;  ///< of payload given to the client
    std::size_t calls_done = 0;  ///< of an RPC
  };
  struct Answer : AnswerState {
    StreamHash hash;  ///< of what the client was given
    Tail tail;

    void clear() {
      static_cast<AnswerState&>(*this) = {};
      hash.restart();
      tail.clear();
    }
  };

  Request request;
  Answer answer;
  WholePackets client_packets, server_packets;
  Packer to_server_packer, to_client_packer;
  std::optional<TokenWalk> walk;
  std::optional<AnswerDigest> answer_digest;
  std::string scratch;
  std::string early;  ///< a request that came before the last one was answered
  std::string drain_answer;  ///< for a request that the client has not sent whole yet
  std::string_view drain_outcome;
  std::uint32_t drain_error = 0;

  // Our own request's answer.
  bool own_failed = false;
  bool own_acknowledged = false;  ///< it ends with what an attention gets
  bool own_said = false;  ///< it printed something
  std::int32_t own_handle = 0;
  std::int32_t preparing = 0;  ///< client's handle
  std::string own_error;

  /// Bytes held for the client's and the server's sake.
  std::size_t memory() const {
    return sizeof(Flight) + client_packets.held() + server_packets.held() + request.payload.capacity() +
           to_server_packer.held() + to_client_packer.held() + scratch.capacity() + early.size() +
           drain_answer.size() + (walk ? walk->held().size() : 0) +
           (answer_digest ? answer_digest->memory() : 0);
  }
};

/// The spare ones of a loop.
class Flights {
 public:
  static constexpr std::size_t spare_max = 256;
  static constexpr std::size_t capacity_max = 16 * 1024;  ///< bytes of a string that a spare one keeps

  std::unique_ptr<Flight> take();
  void give(std::unique_ptr<Flight> flight);

 private:
  std::vector<std::unique_ptr<Flight>> spare_;
};

/// What the conversations of a loop have in common: they may not outlive it.
struct ConversationShared {
  TextMemory texts;
  Flights flights = {};
};

}  // namespace holdfast::tds
