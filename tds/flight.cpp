#include "tds/flight.h"

#include <utility>

namespace holdfast::tds {

std::unique_ptr<Flight> Flights::take() {
  if (spare_.empty()) return std::make_unique<Flight>();
  std::unique_ptr<Flight> flight = std::move(spare_.back());
  spare_.pop_back();
  return flight;
}

void Flights::give(std::unique_ptr<Flight> flight) {
  if (spare_.size() >= spare_max) return;
  if (flight->request.packets != 0) flight->request.clear();
  flight->answer.clear();
  if (flight->walk) flight->walk.reset();
  if (flight->answer_digest) flight->answer_digest.reset();
  flight->client_packets.clear();
  flight->server_packets.clear();
  flight->early.clear();
  for (std::string* text : {&flight->request.payload, &flight->scratch, &flight->own_error})
    if (text->capacity() > capacity_max) std::string().swap(*text);
  spare_.push_back(std::move(flight));
}

}  // namespace holdfast::tds
