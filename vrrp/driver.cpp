#include "vrrp/driver.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <latch>
#include <thread>
#include <utility>

#include "vrrp/driver_node.h"

namespace holdfast::vrrp {

namespace {

constexpr int real_time_priority = 50;

/// Before other real-time work of the host at the usual priorities, after the kernel's own. Children get an
/// ordinary priority again.
bool become_real_time() {
  sched_param wanted{};
  wanted.sched_priority = real_time_priority;
  return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &wanted) == 0;
}

/// Page faults of this thread must not wait for a disk. Pages count when they are touched, not all of what is mapped.
bool lock_memory() { return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0; }

}  // namespace

struct VipDriver::Impl {
  Impl(io::Loop& control_loop, VipEvents& vip_events, std::string program_version)
      : control(control_loop), events(vip_events), version(std::move(program_version)) {}

  io::Loop& control;
  VipEvents& events;
  const std::string version;
  std::thread thread;
  std::unique_ptr<io::Loop> loop;  // made, used and destroyed on `thread`; others only post
  std::unique_ptr<Node> node;  // likewise

  Node::Setup setup(conf::SnapshotPtr snapshot, std::vector<WatchedLoop> loops, std::string handed) {
    Node::Setup made;
    made.snapshot = std::move(snapshot);
    made.loops = std::move(loops);
    made.handed = std::move(handed);
    made.version = version;
    made.tell = [this](std::move_only_function<void(VipEvents&)> what) {
      control.post([this, w = std::move(what)]() mutable { w(events); });
    };
    return made;
  }

  void work(Node::Setup made, Status& result, std::latch& begun) {
    pthread_setname_np(pthread_self(), "hf-vip");
    loop = io::make_uv_loop();
    node = std::make_unique<Node>(*loop, std::move(made));
    result = node->start();
    const bool good = result.has_value();
    if (good) {
      const bool locked = lock_memory();
      node->set_privileges(become_real_time(), locked);
    }
    begun.count_down();
    if (good) loop->run();
    node.reset();
    loop.reset();
  }

  /// On the VIP thread, waiting for it: it never waits for the control loop, so this ends.
  void call(io::Task task) {
    std::latch done(1);
    loop->post([&] {
      task();
      done.count_down();
    });
    done.wait();
  }

  void end() {
    if (!thread.joinable()) return;
    loop->post([l = loop.get()] { l->stop(); });
    thread.join();
  }
};

VipDriver::VipDriver(io::Loop& control, VipEvents& events, std::string program_version)
    : impl_(std::make_unique<Impl>(control, events, std::move(program_version))) {}

VipDriver::~VipDriver() { impl_->end(); }

bool VipDriver::running() const { return impl_->thread.joinable(); }

Status VipDriver::start(conf::SnapshotPtr snapshot, std::vector<WatchedLoop> loops, std::string handed) {
  Status result;
  std::latch begun(1);
  Node::Setup setup = impl_->setup(std::move(snapshot), std::move(loops), std::move(handed));
  impl_->thread = std::thread(
      [this, s = std::move(setup), &result, &begun]() mutable { impl_->work(std::move(s), result, begun); });
  begun.wait();
  if (!result) impl_->thread.join();
  return result;
}

Status VipDriver::reload(conf::SnapshotPtr snapshot) {
  Status result;
  impl_->call([&] { result = impl_->node->reload(std::move(snapshot)); });
  return result;
}

void VipDriver::set_fitness(std::string group, Fitness fitness, std::string why) {
  impl_->loop->post([n = impl_->node.get(), g = std::move(group), fitness, w = std::move(why)]() mutable {
    n->set_fitness(g, fitness, std::move(w));
  });
}

void VipDriver::set_services(std::vector<ActiveInstance> services) {
  impl_->loop->post(
      [n = impl_->node.get(), s = std::move(services)]() mutable { n->set_services(std::move(s)); });
}

void VipDriver::set_witness(int verdict) {
  if (!running()) return;
  impl_->loop->post([n = impl_->node.get(), verdict] { n->set_witness(verdict); });
}

void VipDriver::handover(std::string group, bool force) {
  impl_->loop->post([n = impl_->node.get(), g = std::move(group), force] { n->handover(g, force); });
}

void VipDriver::send_to_peer(Message message) {
  if (!running()) return;
  impl_->loop->post([n = impl_->node.get(), m = std::move(message)] { n->send_to_peer(m); });
}

std::string VipDriver::abdicate() {
  if (!running()) return {};
  std::string handed;
  impl_->call([&] { handed = impl_->node->abdicate(); });
  impl_->end();
  return handed;
}

void VipDriver::stop() {
  impl_->loop->post([n = impl_->node.get()] { n->stop(); });
}

void VipDriver::finish() {
  if (!running()) return;
  impl_->loop->post([n = impl_->node.get()] { n->finish(); });
}

}  // namespace holdfast::vrrp
