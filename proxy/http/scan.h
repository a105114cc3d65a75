// Sixteen bytes at a time: which of them are a given byte, or may not stand in a field value. Bit i of a mark is
// byte i. With SSE2, which every x86-64 has; elsewhere byte by byte. Pure; the caller answers for the 16 bytes.
#pragma once

#include <cstddef>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace holdfast::http {

inline constexpr std::ptrdiff_t scan_width = 16;

/// A control byte other than HTAB (RFC 9110 section 5.5).
inline bool is_forbidden(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

/// Without any machine's help, for those that have none, and for the test of the other two.
template <class F>
unsigned marks_by_byte(const char* p, F&& wanted) {
  unsigned marks = 0;
  for (std::ptrdiff_t i = 0; i < scan_width; ++i) marks |= static_cast<unsigned>(wanted(p[i])) << i;
  return marks;
}

#if defined(__SSE2__)

inline unsigned marks_of(const char* p, char wanted) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted))));
}

inline unsigned forbidden_marks(const char* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i control = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')), low);
  return static_cast<unsigned>(
      _mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)))));
}

#else

inline unsigned marks_of(const char* p, char wanted) {
  return marks_by_byte(p, [wanted](char c) { return c == wanted; });
}

inline unsigned forbidden_marks(const char* p) { return marks_by_byte(p, is_forbidden); }

#endif

/// The first `wanted` in [p, end), or `end`.
inline const char* find_byte(const char* p, const char* end, char wanted) {
  for (; end - p >= scan_width; p += scan_width)
    if (const unsigned marks = marks_of(p, wanted)) return p + __builtin_ctz(marks);
  while (p != end && *p != wanted) ++p;
  return p;
}

}  // namespace holdfast::http
