// Plays tests/transcripts/http_*.md: a stream of bytes, as one peer sends it, and the events it must
// become, whole, in every split in two, and byte by byte. The format is told in http_requests.md.
#include <catch2/catch.hpp>

#include <fstream>
#include <string>
#include <vector>

#include "proxy/http/body.h"
#include "proxy/http/parser.h"

using namespace holdfast::http;

namespace {

struct Transcript {
  std::string title;
  std::string kind;    ///< "requests", "responses", "responses-to-head"
  std::string input;
  std::string events;  ///< one a line
};

std::string unescaped(const std::string& line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      out += line[i];
      continue;
    }
    REQUIRE(i + 1 < line.size());
    switch (line[++i]) {
      case 'r': out += '\r'; break;
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case '\\': out += '\\'; break;
      case 'x':
        REQUIRE(i + 2 < line.size());
        out += static_cast<char>(std::stoi(line.substr(i + 1, 2), nullptr, 16));
        i += 2;
        break;
      default: FAIL("unknown escape in: " << line);
    }
  }
  return out;
}

std::vector<Transcript> load(const std::string& name) {
  std::ifstream file(std::string(HOLDFAST_SOURCE_DIR "/tests/transcripts/") + name);
  REQUIRE(file.is_open());
  std::vector<Transcript> all;
  std::string line;
  std::string block;  ///< the fenced block being read; empty: none
  while (std::getline(file, line)) {
    if (line.starts_with("## ")) {
      all.push_back({.title = line.substr(3), .kind = {}, .input = {}, .events = {}});
    } else if (line.starts_with("```")) {
      block = block.empty() && !all.empty() ? line.substr(3) : "";
      if (!block.empty() && block != "events") all.back().kind = block;
    } else if (block == "events") {
      all.back().events += line + "\n";
    } else if (!block.empty()) {
      all.back().input += unescaped(line);
    }
  }
  return all;
}

/// Reads one side of a connection and writes down what happens.
class Player {
 public:
  explicit Player(std::string kind) : kind_(std::move(kind)) {}

  void feed(std::string_view bytes) {
    buffer_ += bytes;
    while (!refused_ && (in_body_ ? body() : head())) {}
  }
  std::string finish(bool closed) {
    flush_body();
    if (refused_) return events_;
    if (in_body_) events_ += closed && decoder_.end_of_stream() ? "end by close\n" : "body cut off\n";
    if (!in_body_ && !buffer_.empty()) events_ += "head cut off\n";
    return events_;
  }

 private:
  bool head() {
    if (kind_ == "requests") buffer_.erase(0, leading_empty_lines(buffer_));
    std::size_t end = find_head_end(buffer_, 0);
    if (!end) return false;
    block_ = buffer_.substr(0, end);
    buffer_.erase(0, end);
    if (!(kind_ == "requests" ? request() : response())) return false;
    decoder_.start(framing_, length_, {});
    in_body_ = true;
    return !finish_body();
  }

  bool request() {
    auto parsed = parser_.parse_request(block_, {}, request_);
    if (!parsed) return refuse(parsed.error());
    note("request " + std::string(request_.method_text) + " " + std::string(request_.target) +
             " host=" + std::string(request_.authority) + (request_.upgrade ? " upgrade" : "") +
             (request_.expect_continue ? " expects-continue" : ""),
         request_);
    return true;
  }

  bool response() {
    auto parsed = parser_.parse_response(block_, {}, kind_ == "responses-to-head", response_);
    if (!parsed) return refuse(parsed.error());
    note("response " + std::to_string(response_.status) + " reason=" + std::string(response_.reason),
         response_);
    return true;
  }

  void note(const std::string& what, const HeadBase& head) {
    framing_ = head.framing;
    length_ = head.content_length;
    constexpr const char* names[] = {"none", "length", "chunked", "until-close"};
    events_ += what + " framing=" + names[static_cast<std::size_t>(head.framing)];
    if (head.framing == Framing::Length) events_ += " " + std::to_string(length_);
    events_ += head.keep_alive ? " keep-alive\n" : " close\n";
  }

  bool body() {
    if (buffer_.empty()) return false;
    auto step = decoder_.step(buffer_);
    if (!step) {
      flush_body();
      return refuse(step.error());
    }
    body_ += step->data;
    buffer_.erase(0, step->taken);
    return !finish_body() || !buffer_.empty();
  }

  bool finish_body() {
    if (!decoder_.done()) return false;
    flush_body();
    if (!decoder_.trailers().empty()) events_ += "trailers " + escaped(decoder_.trailers()) + "\n";
    events_ += "end\n";
    in_body_ = false;
    return buffer_.empty();
  }

  void flush_body() {
    if (!body_.empty()) events_ += "body " + escaped(body_) + "\n";
    body_.clear();
  }

  bool refuse(const Refusal& refusal) {
    events_ += "refused " + std::string(refusal.rule) + " " + std::to_string(refusal.status) + "\n";
    refused_ = true;
    return false;
  }

  static std::string escaped(std::string_view text) {
    std::string out;
    for (char c : text) out += c == '\r' ? "\\r" : c == '\n' ? "\\n" : std::string(1, c);
    return out;
  }

  std::string kind_, buffer_, block_, body_, events_;
  HeadParser parser_;
  RequestHead request_;
  ResponseHead response_;
  BodyDecoder decoder_;
  Framing framing_ = Framing::None;
  std::uint64_t length_ = 0;
  bool in_body_ = false;
  bool refused_ = false;
};

std::string play(const Transcript& t, std::size_t cut) {
  Player player(t.kind);
  player.feed(std::string_view(t.input).substr(0, cut));
  player.feed(std::string_view(t.input).substr(cut));
  return player.finish(true);
}

void play_all(const char* file) {
  std::vector<Transcript> transcripts = load(file);
  REQUIRE(transcripts.size() > 3);
  for (const Transcript& t : transcripts) {
    INFO(file << ": " << t.title);
    REQUIRE_FALSE(t.input.empty());
    REQUIRE(play(t, 0) == t.events);
    for (std::size_t cut = 1; cut < t.input.size(); ++cut) {
      INFO("cut at " << cut);
      REQUIRE(play(t, cut) == t.events);
    }
    Player player(t.kind);
    for (char c : t.input) player.feed({&c, 1});
    REQUIRE(player.finish(true) == t.events);
  }
}

}  // namespace

TEST_CASE("transcripts of requests") { play_all("http_requests.md"); }
TEST_CASE("transcripts of responses") { play_all("http_responses.md"); }
TEST_CASE("transcripts of attempts at smuggling") { play_all("http_smuggling.md"); }
