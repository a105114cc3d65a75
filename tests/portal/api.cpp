#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/portal/server.h"

namespace portal {

namespace {

std::string cookie(const Request& request, std::string_view name) {
  const std::string all = "; " + request.header("Cookie");
  const std::string key = "; " + std::string(name) + "=";
  const std::size_t at = all.find(key);
  if (at == all.npos) return {};
  const std::size_t begin = at + key.size();
  return all.substr(begin, all.find(';', begin) - begin);
}

std::string fnv(const std::string& bytes) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

std::string member(const char* name, const std::string& value) { return json(name) + ":" + json(value); }

Response redirect(const std::string& set_cookie) {
  return {303, "", "", {{"Location", "/"}, {"Set-Cookie", set_cookie}}};
}

Response login(Portal& portal, const Request& request) {
  const std::size_t at = request.body.find("user=");
  std::string user = at == std::string::npos ? "" : percent_decode(request.body.substr(at + 5));
  user = word(user.substr(0, user.find('&'))).substr(0, 32);
  if (user.empty()) user = "supervisor";
  std::random_device random;
  std::string token;
  for (int i = 0; i < 4; ++i) token += std::to_string(random());
  portal.store->log_in(token, user);
  return redirect("session=" + token + "; Path=/; HttpOnly; SameSite=Lax");
}

Response home(Portal& portal, const Request& request) {
  const std::string session = word(cookie(request, "session"));
  if (request.path == "/logout") {
    portal.store->log_out(session);
    return redirect("session=; Path=/; Max-Age=0");
  }
  const std::string user = portal.store->user_of(session);
  return {200, "text/html; charset=utf-8", page(portal, user), {{"Cache-Control", "no-store"}}};
}

/// A request that changes something: stored before it is answered.
Response execute(Portal& portal, const Request& request) {
  std::string id = word(request.header("X-Call-Id"));
  if (id.empty()) id = word(request.header("X-Request-Id"));
  const std::string key = word(request.header("Idempotency-Key"));
  const std::string first =
      portal.store->execute({id, request.method, word(request.path), portal.options.name, key});
  const std::string body =
      "{" + member("instance", portal.options.name) + "," + member("id", id) +
      ",\"executions\":" + std::to_string(portal.store->executions(first.empty() ? id : first)) +
      ",\"repeated\":" + (first.empty() ? "false" : "true") + "}\n";
  return {200, "application/json", body, {}};
}

Response record(Portal& portal, const Request& request) {
  const std::string id = word(request.path.substr(std::string_view("/api/ivr/record/").size()));
  if (request.method == "PUT") {
    const std::string stored = "{" + member("id", id) + ",\"bytes\":" + std::to_string(request.body.size()) +
                               "," + member("fnv1a", fnv(request.body)) + "}";
    portal.store->put_record(id, stored);
    return execute(portal, request);
  }
  const std::string stored = portal.store->record(id);
  if (stored.empty()) return {404, "application/json", "{\"error\":\"no such record\"}\n", {}};
  return {200, "application/json", stored + "\n", {}};
}

Response lookup(Portal& portal, const Request& request) {
  const std::string caller = request.arg("caller");
  const auto number = static_cast<unsigned>(std::hash<std::string>{}(caller) % 32);
  const auto [name, queue] = portal.store->customer(number);
  const std::string body = "{" + member("instance", portal.options.name) + "," + member("caller", caller) +
                           "," + member("name", name) + "," + member("queue", queue) +
                           "}\n";
  return {200, "application/json", body, {}};
}

Response count(Portal& portal, const Request& request) {
  if (request.method == "POST") return execute(portal, request);
  const Totals totals = portal.store->totals();
  std::string body = "{" + member("instance", portal.options.name) +
                     ",\"executed\":" + std::to_string(totals.executed) +
                     ",\"posts_twice\":" + std::to_string(totals.posts_twice);
  for (const auto& [name, n] : totals.by_instance) body += "," + json("by " + name) + ":" + std::to_string(n);
  return {200, "application/json", body + "}\n", {}};
}

Response echo(Portal& portal, const Request& request) {
  std::string body = "{" + member("instance", portal.options.name) + "," + member("method", request.method) +
                     "," + member("target", request.target) +
                     ",\"body_bytes\":" + std::to_string(request.body.size()) + "," +
                     member("body_fnv1a", fnv(request.body)) + ",\"headers\":[";
  for (const auto& [name, value] : request.headers) body += "[" + json(name) + "," + json(value) + "],";
  if (body.back() == ',') body.pop_back();
  return {200, "application/json", body + "]}\n", {}};
}

Response slow(Portal& portal, const Request& request) {
  const long long ms = std::clamp(request.number("ms", 100), 0ll, 600'000ll);
  for (long long i = 0; i < ms && !portal.stopping; i += 10)
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(10ll, ms - i)));
  return {200, "application/json", "{" + member("instance", portal.options.name) + "}\n", {}};
}

Response error(int status) {
  return {status, "application/json", "{\"status\":" + std::to_string(status) + "}\n", {}};
}

Response status(Portal&, const Request& request) {
  return error(static_cast<int>(std::clamp(request.number("code", 200), 200ll, 599ll)));
}

Response health(Portal& portal, const Request&) {
  return {portal.stopping ? 503 : 200, "text/plain", portal.stopping ? "stopping\n" : "ok\n", {}};
}

Response calls(Portal& portal, const Request&) { return {200, "application/json", numbers(portal), {}}; }

struct Route {
  std::string_view path;     ///< '*' at the end: a prefix
  std::string_view methods;
  Response (*handler)(Portal&, const Request&);
};
const Route routes[] = {
    {"/", "GET HEAD", home},
    {"/logout", "GET", home},
    {"/login", "POST", login},
    {"/health", "GET HEAD", health},
    {"/api/calls", "GET HEAD", calls},
    {"/api/ivr/lookup", "GET HEAD", lookup},
    {"/api/ivr/event", "POST", execute},
    {"/api/ivr/record/*", "GET HEAD PUT DELETE", record},
    {"/api/count", "GET POST", count},
    {"/api/echo", "GET HEAD POST PUT DELETE PATCH OPTIONS", echo},
    {"/slow", "GET POST", slow},
    {"/status", "GET POST", status},
};

bool matches(std::string_view pattern, std::string_view path) {
  if (pattern.ends_with('*')) return path.starts_with(pattern.substr(0, pattern.size() - 1));
  return path == pattern;
}

Response handled(const Route& route, Portal& portal, const Request& request) {
  try {
    return route.handler(portal, request);
  } catch (const StoreFailed& failure) {
    std::fprintf(stderr, "portal %s: %s\n", portal.options.name.c_str(), failure.what());
    return error(500);
  }
}

}  // namespace

Response answer(Portal& portal, const Request& request) {
  if (portal.failing) return error(portal.failing);
  for (const Route& route : routes) {
    if (!matches(route.path, request.path)) continue;
    const std::string methods = " " + std::string(route.methods) + " ";
    if (methods.find(" " + request.method + " ") != methods.npos) return handled(route, portal, request);
    Response refused = error(405);
    refused.headers.emplace_back("Allow", route.methods);
    return refused;
  }
  return error(404);
}

Response admin(Portal& portal, const Request& request) {
  // The page is served through Holdfast, but its buttons go to an instance's own port.
  Response response{200, "application/json", "", {{"Access-Control-Allow-Origin", "*"}}};
  if (request.path == "/admin/kill")
    ::kill(::getpid(), SIGKILL);
  else if (request.path == "/admin/hang")
    portal.hung = true;
  else if (request.path == "/admin/fail")
    portal.failing = static_cast<int>(request.number("status", 503));
  else if (request.path == "/admin/heal")
    portal.hung = false, portal.failing = 0;
  else if (request.path != "/admin/state")
    response.status = 404;
  const char* state = portal.hung ? "hung" : portal.failing ? "failing" : "healthy";
  response.body = "{" + member("instance", portal.options.name) + "," + member("state", state) +
                  ",\"store\":" + portal.store->state() + "}\n";
  return response;
}

}  // namespace portal
