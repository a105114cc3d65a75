#include "proxy/commands_push.h"

#include <utility>

namespace holdfast {

using namespace vrrp;

void PushSide::begin(Instant now, std::uint64_t id, const std::string& text, Later done) {
  if (own_.done) return done(fail(Blame::Operator, "another push is under way"));
  if (Status good = target_.check_text(text); !good)
    return done(fail(Blame::Operator, "this node refuses it: " + good.error().text));
  own_ = {id, text, std::move(done), now + patience, false};
  send_(PushOffer{id, text});
}

void PushSide::on_message(Instant now, const Message& message) {
  std::visit(
      [&](const auto& m) {
        if constexpr (requires { on(now, m); }) on(now, m);
      },
      message);
}

void PushSide::on_timer(Instant now) {
  if (now < own_.until) return;
  send_(PushCancel{own_.id});
  end(fail(Blame::Server,
           own_.committed ? "the other node did not confirm in time; it was told to go back, and this node "
                            "did not switch"
                          : "the other node did not answer in time; nothing was changed"));
}

void PushSide::end(Result<std::string> result) {
  Push ended = std::exchange(own_, {});
  if (!ended.done) return;
  events_.add("push", "", result ? *result : "failed: " + result.error().text);
  ended.done(std::move(result));
}

// ---- the other node's push ----

void PushSide::on(Instant, const PushOffer& offer) {
  offered_ = {};
  if (own_.done) return send_(PushReply{offer.id, false, "it is pushing a configuration itself"});
  const Status good = target_.check_text(offer.text);
  if (good) offered_ = {offer.id, offer.text, {}, Instant::never(), false};
  send_(PushReply{offer.id, good.has_value(), good ? "" : good.error().text});
}

void PushSide::on(Instant, const PushCommit& commit) {
  if (commit.id != offered_.id || offered_.text.empty() || offered_.committed)
    return send_(PushDone{commit.id, false, "it was not offered this configuration"});
  std::string before = target_.current_text();
  const Status taken = target_.take_text(offered_.text);
  if (taken) {
    before_ = std::move(before);
    offered_.committed = true;
    events_.add("push", "", "the configuration that the other node pushed is in use");
  }
  send_(PushDone{commit.id, taken.has_value(), taken ? "" : taken.error().text});
}

void PushSide::on(Instant, const PushCancel& cancel) {
  if (cancel.id != offered_.id) return;
  if (offered_.committed) {
    const Status back = target_.take_text(before_);
    events_.add(
        "push", "",
        back ? "the other node took its push back: the former configuration is in use again"
             : "the other node took its push back, and the former configuration fails: " + back.error().text);
  }
  offered_ = {};
  before_.clear();
}

// ---- this node's push ----

void PushSide::on(Instant now, const PushReply& reply) {
  if (!own_.done || reply.id != own_.id || own_.committed) return;
  if (!reply.accepted)
    return end(fail(Blame::Operator, "the other node refuses it, nothing was changed: " + reply.why));
  own_.committed = true;
  own_.until = now + patience;
  send_(PushCommit{own_.id});
}

void PushSide::on(Instant, const PushDone& done) {
  if (!own_.done || done.id != own_.id || !own_.committed) return;
  if (!done.done)
    return end(
        fail(Blame::Server, "the other node could not switch, so this one did not either: " + done.why));
  if (Status taken = target_.take_text(own_.text); !taken) {
    send_(PushCancel{own_.id});
    return end(fail(Blame::Self, "this node could not switch, and the other one was told to go back: " +
                                     taken.error().text));
  }
  end("both nodes use the configuration");
}

}  // namespace holdfast
