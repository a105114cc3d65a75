#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "proxy/io/tls_openssl.h"

namespace holdfast::io::ossl {
namespace {

// OpenSSL would ask on the terminal; a proxy has none.
int no_pass_phrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<BioPtr> open_file(const std::string& file) {
  errno = 0;
  BioPtr bio(BIO_new_file(file.c_str(), "r"));
  int code = errno;
  ERR_clear_error();
  if (!bio) return fail(Blame::Operator, "cannot read " + file + ": " + std::strerror(code));
  return bio;
}

Status read_chain(const std::string& file, Certificate& into) {
  auto bio = open_file(file);
  if (!bio) return std::unexpected(bio.error());
  into.leaf.reset(PEM_read_bio_X509_AUX(bio->get(), nullptr, nullptr, nullptr));
  if (!into.leaf) {
    auto code = ERR_GET_REASON(ERR_peek_last_error());
    std::string reason = take_reason();
    if (code == PEM_R_NO_START_LINE) return fail(Blame::Operator, file + " holds no PEM certificate");
    return fail(Blame::Operator, "the certificate in " + file + " is damaged: " + reason);
  }
  into.chain.reset(sk_X509_new_null());
  while (X509* next = PEM_read_bio_X509(bio->get(), nullptr, nullptr, nullptr))
    sk_X509_push(into.chain.get(), next);
  bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  std::string reason = take_reason();
  if (!at_end) return fail(Blame::Operator, "the certificate chain in " + file + " is damaged: " + reason);
  return {};
}

Status read_key(const std::string& file, Certificate& into) {
  auto bio = open_file(file);
  if (!bio) return std::unexpected(bio.error());
  bool asked = false;
  into.key.reset(PEM_read_bio_PrivateKey(bio->get(), nullptr, no_pass_phrase, &asked));
  auto code = ERR_GET_REASON(ERR_peek_last_error());
  std::string reason = take_reason();
  if (into.key) return {};
  if (asked)
    return fail(Blame::Operator, "the private key in " + file + " needs a pass phrase; store it without one");
  if (code == PEM_R_NO_START_LINE || code == ERR_R_UNSUPPORTED)
    return fail(Blame::Operator, file + " holds no PEM private key");
  return fail(Blame::Operator, "the private key in " + file + " is damaged: " + reason);
}

std::int64_t end_of(const X509* certificate) {
  std::tm t{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &t) != 1) return 0;
  return timegm(&t);
}

void add_name(std::vector<std::string>& names, const ASN1_STRING* raw) {
  auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(raw));
  std::string name(data, static_cast<std::size_t>(ASN1_STRING_length(raw)));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!name.empty()) names.push_back(std::move(name));
}

// RFC 6125 section 6.4.4: the common name counts only where there is no DNS name.
std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  auto* all =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_DNS) add_name(names, name->d.dNSName);
  }
  GENERAL_NAMES_free(all);
  const X509_NAME* subject = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (names.empty() && at >= 0) add_name(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  ERR_clear_error();
  return names;
}

}  // namespace

std::string take_reason() {
  auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "error " + std::to_string(code);
}

Result<Certificate> load_certificate(const std::string& file, const std::string& key_file) {
  ERR_clear_error();
  Certificate loaded;
  if (auto read = read_chain(file, loaded); !read) return std::unexpected(read.error());
  const std::string& key_from = key_file.empty() ? file : key_file;
  if (auto read = read_key(key_from, loaded); !read) return std::unexpected(read.error());
  if (X509_check_private_key(loaded.leaf.get(), loaded.key.get()) != 1) {
    ERR_clear_error();
    return fail(Blame::Operator,
                "the private key in " + key_from + " does not match the certificate in " + file);
  }
  loaded.names = names_of(loaded.leaf.get());
  loaded.not_after = end_of(loaded.leaf.get());
  for (int i = 0; i < sk_X509_num(loaded.chain.get()); ++i)
    loaded.not_after = std::min(loaded.not_after, end_of(sk_X509_value(loaded.chain.get(), i)));
  return loaded;
}

Status use_certificate(SSL_CTX* context, const Certificate& certificate, const std::string& file) {
  int used = SSL_CTX_use_cert_and_key(context, certificate.leaf.get(), certificate.key.get(),
                                      certificate.chain.get(), 1);
  if (used == 1) return {};
  return fail(Blame::Operator, "the certificate in " + file + " cannot be used: " + take_reason());
}

}  // namespace holdfast::io::ossl
