// What a plan takes over from the last one. What it makes of TLS options is tests/unit/proxy/io/tls_test.cpp's.
#include "proxy/plan.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/unit/conf/conf_fixture.h"
#include "tests/unit/proxy/io/tls_certs.h"

using namespace holdfast;

namespace {

const test::TestCertificates& certs() { return test::TestCertificates::get(); }

/// A listener and a service that speak TLS, their files in a directory of its own.
struct Setup {
  conf::Directory directory;
  std::string ca = "ca.pem", alpn = "http/1.1";

  Setup() {
    put("one");
    directory.write("ca.pem", conf::file_text(certs().ca()));
  }
  void put(const std::string& name) {
    directory.write("pair.pem", conf::file_text(certs().file(name)) + conf::file_text(certs().key(name)));
  }
  conf::SnapshotPtr snapshot() const {
    return conf::load_good("[listen.a]\nbind = [\"127.0.0.1:8443\"]\ntls = { certificate = \"" + directory.path() +
                           "/pair.pem\", alpn = [\"" + alpn + "\"] }\n[service.s]\ninstances = { one = " +
                           "\"127.0.0.1:1\", two = \"127.0.0.1:2\" }\ntls = { " +
                           (ca.empty() ? "" : "ca = \"" + directory.path() + "/" + ca + "\", ") +
                           "name = \"one.test\" }\n");
  }
  PlanPtr plan(const PlanPtr& last = nullptr) const {
    auto made = Plan::make(snapshot(), last.get());
    INFO((made ? "" : made.error().text));
    REQUIRE(made);
    return *made;
  }
};

}  // namespace

TEST_CASE("plan: TLS contexts that nothing changed of are taken over") {
  Setup setup;
  const PlanPtr first = setup.plan(), second = setup.plan(first), third = setup.plan(second);
  CHECK(third->listen_tls(0) == first->listen_tls(0));
  CHECK(third->service_tls(0, 0) == first->service_tls(0, 0));
  CHECK(third->service_tls(0, 1) == first->service_tls(0, 1));
  CHECK(first->service_tls(0, 0) != first->service_tls(0, 1));  // each keeps sessions of its own instance
  CHECK(setup.plan()->listen_tls(0) != first->listen_tls(0));
}

TEST_CASE("plan: a certificate that was renewed in its file is read anew") {
  Setup setup;
  const PlanPtr first = setup.plan();
  setup.put("wild");
  const PlanPtr second = setup.plan(first);
  CHECK(second->listen_tls(0) != first->listen_tls(0));
  CHECK(second->service_tls(0, 0) == first->service_tls(0, 0));
  setup.directory.write("ca.pem", conf::file_text(certs().file("stranger")));
  const PlanPtr third = setup.plan(second);
  CHECK(third->listen_tls(0) == second->listen_tls(0));
  CHECK(third->service_tls(0, 0) != second->service_tls(0, 0));
}

TEST_CASE("plan: a broken certificate is an error, whatever the last plan had") {
  Setup setup;
  const PlanPtr first = setup.plan();
  setup.directory.write("pair.pem", "nothing");
  const auto second = Plan::make(setup.snapshot(), first.get());
  REQUIRE_FALSE(second);
  CHECK(second.error().text == "listen.a: " + setup.directory.path() + "/pair.pem holds no PEM certificate");
}

TEST_CASE("plan: other TLS options, other contexts") {
  Setup setup;
  const PlanPtr first = setup.plan();
  setup.alpn = "http/1.0";
  const PlanPtr second = setup.plan(first);
  CHECK(second->listen_tls(0) != first->listen_tls(0));
  CHECK(second->service_tls(0, 0) == first->service_tls(0, 0));
}

TEST_CASE("plan: what the system's store decides is made anew, for the store may have changed") {
  Setup setup;
  setup.ca.clear();
  const PlanPtr first = setup.plan(), second = setup.plan(first);
  CHECK(second->service_tls(0, 0) != first->service_tls(0, 0));
}
