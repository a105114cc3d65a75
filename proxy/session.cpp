#include "proxy/session.h"

namespace holdfast {

void Session::die() {
  if (dead_ || !owner_) return;
  dead_ = true;
  unlink();
  owner_->dead_.push_back(*this);
}

Sessions::~Sessions() {
  cut_all();
  reap();
}

void Sessions::add(std::unique_ptr<Session> session) {
  session->owner_ = this;
  live_.push_back(*session.release());
}

void Sessions::reap() {
  while (Session* session = dead_.pop_front()) delete session;
}

void Sessions::drain_all() {
  for (Session *s = live_.front(), *next = nullptr; s; s = next) {
    next = List<Session>::next(*s);  // s may die in the call
    s->drain();
  }
}

void Sessions::ask_all_to_close() {
  for (Session *s = live_.front(), *next = nullptr; s; s = next) {
    next = List<Session>::next(*s);
    s->ask_to_close();
  }
}

void Sessions::reload_all() {
  for (Session *s = live_.front(), *next = nullptr; s; s = next) {
    next = List<Session>::next(*s);
    s->reload();
  }
}

void Sessions::cut_all() {
  while (Session* s = live_.front()) {
    s->cut();
    CHECK(live_.front() != s);
  }
}

}  // namespace holdfast
