#include "tds/relogin.h"

#include <optional>
#include <utility>

namespace holdfast::tds {
namespace {

void set_feature(Login7& login, Feature id, std::optional<std::string> data) {
  const auto wire = static_cast<std::uint8_t>(id);
  std::erase_if(login.features, [&](const FeatureOption& f) { return f.id == wire; });
  if (data) login.features.push_back({wire, std::move(*data)});
  if (data) login.has_features = true;
}

}  // namespace

Login7 login_for_server(const Login7& client, conf::SessionRecovery setting,
                        const Conversation::Relogin* again) {
  Login7 login = client;
  const FeatureOption* asked = client.feature(Feature::SessionRecovery);
  std::optional<std::string> recovery;
  if (asked) recovery = asked->data;
  const bool possible = tds_version::has_feature_ext(client.version);
  if (setting == conf::SessionRecovery::Always && !asked && possible) recovery = std::string();
  if (setting == conf::SessionRecovery::Never) recovery.reset();
  if (again) {
    if (!again->database.empty()) login.database = again->database;
    if (!again->language.empty()) login.language = again->language;
    login.packet_size = static_cast<std::uint32_t>(again->packet_size);
    if (recovery || !again->recovery.empty()) recovery = again->recovery;
  }
  set_feature(login, Feature::SessionRecovery, std::move(recovery));
  return login;
}

}  // namespace holdfast::tds
