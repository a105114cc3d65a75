// An intrusive doubly linked list with O(1) size. A node is in at most one list of its Tag at a time
// and takes itself out when it is destroyed, so a list can never point at the dead.
#pragma once

#include <cstddef>

#include "proxy/base/check.h"

namespace holdfast {

template <class T, class Tag = void>
class List;

template <class T, class Tag = void>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return list_ != nullptr; }
  void unlink() {
    if (list_) list_->remove(*this);
  }

 private:
  friend class List<T, Tag>;
  List<T, Tag>* list_ = nullptr;
  ListNode* previous_ = nullptr;
  ListNode* next_ = nullptr;
};

/// T derives from ListNode<T, Tag>. Front is the oldest with push_back.
template <class T, class Tag>
class List {
  using Node = ListNode<T, Tag>;

 public:
  List() = default;
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) pop_front();
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T* front() const { return value(head_); }
  T* back() const { return value(tail_); }
  static T* next(T& item) { return value(static_cast<Node&>(item).next_); }

  void push_back(T& item) {
    Node& n = item;
    CHECK(!n.list_);
    n.list_ = this;
    n.previous_ = tail_;
    n.next_ = nullptr;
    (tail_ ? tail_->next_ : head_) = &n;
    tail_ = &n;
    ++size_;
  }
  T* pop_front() {
    T* item = front();
    if (item) remove(*item);
    return item;
  }
  T* pop_back() {
    T* item = back();
    if (item) remove(*item);
    return item;
  }
  void remove(Node& n) {
    CHECK(n.list_ == this);
    (n.previous_ ? n.previous_->next_ : head_) = n.next_;
    (n.next_ ? n.next_->previous_ : tail_) = n.previous_;
    n.list_ = nullptr;
    n.previous_ = n.next_ = nullptr;
    --size_;
  }

 private:
  static T* value(Node* n) { return n ? static_cast<T*>(n) : nullptr; }

  Node* head_ = nullptr;
  Node* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace holdfast
