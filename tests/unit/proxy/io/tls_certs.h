// Certificates for tests, made by the openssl command in a directory of their own when the first test
// asks for them. One authority signs all but "stranger".
#pragma once

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace holdfast::test {

class TestCertificates {
 public:
  static const TestCertificates& get() {
    static TestCertificates made;
    return made;
  }
  ~TestCertificates() { std::filesystem::remove_all(dir_); }

  std::string file(const std::string& name) const { return dir_ + "/" + name + ".pem"; }
  std::string key(const std::string& name) const { return dir_ + "/" + name + ".key"; }
  std::string ca() const { return file("ca"); }

 private:
  TestCertificates() {
    char pattern[] = "/tmp/holdfast-tls-XXXXXX";
    if (!mkdtemp(pattern)) throw std::runtime_error("mkdtemp");
    dir_ = pattern;
    authority("ca");
    authority("stranger");
    issue("one", "DNS:one.test,DNS:alias.test", ec_key, 30);
    issue("one-rsa", "DNS:one.test", "-newkey rsa:2048", 30);
    issue("wild", "DNS:*.wild.test", ec_key, 30);
    issue("address", "IP:192.0.2.7", ec_key, 30);
    issue("expired", "DNS:old.test", ec_key, -1);
    issue("visitor", "DNS:visitor.test", ec_key, 30);
    run("pkey -in one.key -aes128 -passout pass:secret -out sealed.key");
  }

  static constexpr const char* ec_key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

  void run(const std::string& command) const {
    std::string quiet = "cd " + dir_ + " && openssl " + command + " >log 2>&1";
    if (std::system(quiet.c_str()) != 0) throw std::runtime_error("failed: " + quiet);
  }
  void authority(const std::string& name) const {
    run("req -x509 " + std::string(ec_key) + " -nodes -days 30 -subj /CN=" + name + " -keyout " + name +
        ".key -out " + name + ".pem");
  }
  void issue(const std::string& name, const std::string& names, const std::string& key_kind, int days) const {
    run("req -new " + key_kind + " -nodes -subj /CN=" + name + " -addext subjectAltName=" + names +
        " -keyout " + name + ".key -out " + name + ".csr");
    run("x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -copy_extensions copy -days " +
        std::to_string(days) + " -out " + name + ".pem");
  }

  std::string dir_;
};

}  // namespace holdfast::test
