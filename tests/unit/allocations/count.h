// Counts what a thread asks malloc for, while it says so. A program by itself, because it takes malloc's place;
// sanitizers do so too.
#pragma once

namespace holdfast::allocations {

extern thread_local bool counting;
extern thread_local unsigned long counted;

}  // namespace holdfast::allocations
