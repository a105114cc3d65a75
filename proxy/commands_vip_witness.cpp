// The witness's part in the virtual IP: who holds renews the lease, who stands by reads it, and takes it
// when nothing is heard and it has expired.
#include <utility>

#include "proxy/commands_vip.h"

namespace holdfast {

void VipSide::settle_witness() {
  const std::string& service = snapshot_->pair.witness;
  if (service.empty()) {
    witness_.reset();
    driver_.set_witness(0);
    witness_said_.clear();
    return;
  }
  if (witness_) return;
  witness_ =
      std::make_unique<tds::WitnessAsker>(loop_, snapshot_->cluster, snapshot_->node,
                                          [this](const tds::WitnessAnswer& answer) { on_witness(answer); });
}

void VipSide::aim_witness() {
  if (!witness_) return;
  const conf::Service* service = snapshot_->service(snapshot_->pair.witness);
  const int active = service ? engine_.control().view(service->name).active : -1;
  if (active < 0 || !service->monitor) return witness_->at(nullptr, nullptr);
  witness_->at(&service->instances[static_cast<std::size_t>(active)], &*service->monitor);
}

void VipSide::on_witness(const tds::WitnessAnswer& answer) {
  // A standby that took the lease while its peer is heard would take it from a holder whose SQL was slow
  // once.
  const bool take = any(vrrp::Role::Holder) || report_.link == vrrp::Link::Silent;
  witness_->may(take ? tds::WitnessAct::Take : tds::WitnessAct::Read);
  driver_.set_witness(answer.verdict);
  std::string said =
      answer.verdict == 0 ? "it says nothing: " + answer.why : answer.holder + " has the lease";
  if (said == witness_said_) return;
  witness_said_ = std::move(said);
  events_.add("witness", snapshot_->pair.witness, witness_said_);
}

}  // namespace holdfast
