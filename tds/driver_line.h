// The line in which the sessions of one listener on one loop stand to log in again after a failover: a few at a
// time, those that somebody waits for first. All at once they would share the new primary's time, and each would be
// answered when the last one is. Owned by TdsContext; a member tells when it has come in or given up, and may not
// stay inside without a deadline.
#pragma once

#include "proxy/base/list.h"

namespace holdfast::tds {

class LoginLine {
 public:
  class Member : public ListNode<Member> {
   public:
    /// From inside another member's leave(), or one's own: it is inside, and should begin.
    virtual void on_turn() = 0;

    bool inside = false;  ///< the line's own

   protected:
    ~Member() = default;
  };

  static constexpr unsigned at_once = 16;

  /// True: it is inside and should begin. False: it stands in the line, and on_turn() comes.
  bool enter(Member& member, bool awaited);
  /// It logs in no more, or never began.
  void leave(Member& member);

 private:
  List<Member> awaited_, others_;
  unsigned inside_ = 0;
  bool calling_ = false;
};

}  // namespace holdfast::tds
