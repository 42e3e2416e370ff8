#include "code_products.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ISOGLOSS_X86 1
#include <immintrin.h>
#if __GNUC__ >= 12
#define ISOGLOSS_AVXVNNI 1
#endif
#endif

namespace codes {

namespace {

// Sums run over the keys of a panel, so that compilers turn them into vectors.
void panel_plain(const int8_t *a, const int8_t *panel, int64_t steps, int32_t *out) {
    int32_t sum[kPanel] = {0};
    for (int64_t g = 0; g < steps; ++g) {
        const int8_t *one = a + g * 4 * kPanel, *two = panel + g * 4 * kPanel;
        for (int64_t j = 0; j < kPanel; ++j)
            sum[j] += one[0] * two[4 * j] + one[1] * two[4 * j + 1] + one[2] * two[4 * j + 2] +
                      one[3] * two[4 * j + 3];
    }
    std::memcpy(out, sum, sizeof(sum));
}

void eight_plain(const int8_t *a, const int8_t *b, const int8_t *c, int64_t steps, const int32_t *,
                 int32_t *out) {
    for (int64_t i = 0; i < kRows; ++i) {
        panel_plain(a + i * 4, b, steps, out + i * kKeys);
        panel_plain(a + i * 4, c, steps, out + i * kKeys + kPanel);
    }
}

void one_plain(const int8_t *a, const int8_t *panels, int64_t count, int64_t steps, int32_t,
               int32_t *out) {
    for (int64_t p = 0; p < count; ++p)
        panel_plain(a, panels + p * steps * 4 * kPanel, steps, out + p * kPanel);
}

#ifdef ISOGLOSS_X86
inline int32_t four(const int8_t *at) {
    int32_t value;
    std::memcpy(&value, at, 4);
    return value;
}

// Bytes become 16-bit numbers, whose products are summed in pairs; eight keys of a panel at a time.
template <int Rows>
inline void half_sse2(const int8_t *a, const int8_t *keys, int64_t steps, int32_t *out) {
    __m128i sum[Rows][4];
#pragma GCC unroll 2
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) sum[r][q] = _mm_setzero_si128();
    const auto wide = [](__m128i twice) { return _mm_srai_epi16(twice, 8); };
    for (int64_t g = 0; g < steps; ++g) {
        const auto *at = reinterpret_cast<const __m128i *>(keys + g * 4 * kPanel);
        const __m128i one = _mm_loadu_si128(at), two = _mm_loadu_si128(at + 1);
        const __m128i key[4] = {
            wide(_mm_unpacklo_epi8(one, one)), wide(_mm_unpackhi_epi8(one, one)),
            wide(_mm_unpacklo_epi8(two, two)), wide(_mm_unpackhi_epi8(two, two))};
#pragma GCC unroll 2
        for (int r = 0; r < Rows; ++r) {
            const __m128i all = _mm_set1_epi32(four(a + g * 4 * kPanel + r * 4));
            const __m128i x = wide(_mm_unpacklo_epi8(all, all));
#pragma GCC unroll 4
            for (int q = 0; q < 4; ++q)
                sum[r][q] = _mm_add_epi32(sum[r][q], _mm_madd_epi16(key[q], x));
        }
    }
    for (int r = 0; r < Rows; ++r) {
        int32_t halves[kPanel];
        std::memcpy(halves, sum[r], sizeof(halves));
        for (int64_t j = 0; j < kPanel / 2; ++j)
            out[r * kKeys + j] = halves[2 * j] + halves[2 * j + 1];
    }
}

void eight_sse2(const int8_t *a, const int8_t *b, const int8_t *c, int64_t steps, const int32_t *,
                int32_t *out) {
    for (int64_t half = 0; half < 4; ++half)
        for (int64_t i = 0; i < kRows; i += 2)
            half_sse2<2>(a + i * 4, (half < 2 ? b : c) + half % 2 * 2 * kPanel, steps,
                         out + i * kKeys + half * kPanel / 2);
}

void one_sse2(const int8_t *a, const int8_t *panels, int64_t count, int64_t steps, int32_t,
              int32_t *out) {
    for (int64_t half = 0; half < 2 * count; ++half)
        half_sse2<1>(a, panels + half / 2 * steps * 4 * kPanel + half % 2 * 2 * kPanel, steps,
                     out + half * kPanel / 2);
}

// Bytes are multiplied without a sign times with one: the sign of the rows goes to the keys.
#define ISOGLOSS_TARGET __attribute__((target("avx2")))

template <int Rows>
ISOGLOSS_TARGET inline void tile_avx2(const int8_t *a, const int8_t *b, const int8_t *c,
                                      int64_t steps, int32_t *out) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[Rows][4];
#pragma GCC unroll 2
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) sum[r][q] = _mm256_setzero_si256();
    for (int64_t g = 0; g < steps; ++g) {
        const auto *left = reinterpret_cast<const __m256i *>(b + g * 4 * kPanel);
        const auto *right = reinterpret_cast<const __m256i *>(c + g * 4 * kPanel);
        const __m256i key[4] = {_mm256_loadu_si256(left), _mm256_loadu_si256(left + 1),
                                _mm256_loadu_si256(right), _mm256_loadu_si256(right + 1)};
#pragma GCC unroll 2
        for (int r = 0; r < Rows; ++r) {
            const __m256i x = _mm256_set1_epi32(four(a + g * 4 * kPanel + r * 4));
            const __m256i size = _mm256_abs_epi8(x);
#pragma GCC unroll 4
            for (int q = 0; q < 4; ++q)
                sum[r][q] = _mm256_add_epi32(
                    sum[r][q], _mm256_madd_epi16(
                                   _mm256_maddubs_epi16(size, _mm256_sign_epi8(key[q], x)), ones));
        }
    }
    for (int r = 0; r < Rows; ++r)
        for (int q = 0; q < 4; ++q)
            _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + r * kKeys + q * 8), sum[r][q]);
}

ISOGLOSS_TARGET void eight_avx2(const int8_t *a, const int8_t *b, const int8_t *c, int64_t steps,
                                const int32_t *, int32_t *out) {
    for (int64_t i = 0; i < kRows; i += 2) tile_avx2<2>(a + i * 4, b, c, steps, out + i * kKeys);
}

ISOGLOSS_TARGET void one_avx2(const int8_t *a, const int8_t *panels, int64_t count, int64_t steps,
                              int32_t, int32_t *out) {
    const int64_t size = steps * 4 * kPanel;
    for (int64_t p = 0; p < count; p += 2)
        tile_avx2<1>(a, panels + p * size, panels + (p + 1) * size, steps, out + p * kPanel);
}

#undef ISOGLOSS_TARGET

// One instruction multiplies and sums bytes without a sign times bytes with one: keys are shifted
// by 128 by flipping their sign bit, and 128 times the sum of the row is taken off at the start.
#ifdef ISOGLOSS_AVXVNNI
#define ISOGLOSS_TARGET __attribute__((target("avx2,avxvnni")))

template <int Rows>
ISOGLOSS_TARGET inline void tile_avxvnni(const int8_t *a, const int8_t *b, const int8_t *c,
                                         int64_t steps, const int32_t *shift, int32_t *out) {
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(0x80));
    __m256i sum[Rows][4];
#pragma GCC unroll 2
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
        for (int q = 0; q < 4; ++q) sum[r][q] = _mm256_set1_epi32(-shift[r]);
    for (int64_t g = 0; g < steps; ++g) {
        const auto *left = reinterpret_cast<const __m256i *>(b + g * 4 * kPanel);
        const auto *right = reinterpret_cast<const __m256i *>(c + g * 4 * kPanel);
        const __m256i key[4] = {_mm256_xor_si256(_mm256_loadu_si256(left), flip),
                                _mm256_xor_si256(_mm256_loadu_si256(left + 1), flip),
                                _mm256_xor_si256(_mm256_loadu_si256(right), flip),
                                _mm256_xor_si256(_mm256_loadu_si256(right + 1), flip)};
#pragma GCC unroll 2
        for (int r = 0; r < Rows; ++r) {
            const __m256i x = _mm256_set1_epi32(four(a + g * 4 * kPanel + r * 4));
#pragma GCC unroll 4
            for (int q = 0; q < 4; ++q) sum[r][q] = _mm256_dpbusd_avx_epi32(sum[r][q], key[q], x);
        }
    }
    for (int r = 0; r < Rows; ++r)
        for (int q = 0; q < 4; ++q)
            _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + r * kKeys + q * 8), sum[r][q]);
}

ISOGLOSS_TARGET void eight_avxvnni(const int8_t *a, const int8_t *b, const int8_t *c,
                                   int64_t steps, const int32_t *shift, int32_t *out) {
    for (int64_t i = 0; i < kRows; i += 2)
        tile_avxvnni<2>(a + i * 4, b, c, steps, shift + i, out + i * kKeys);
}

ISOGLOSS_TARGET void one_avxvnni(const int8_t *a, const int8_t *panels, int64_t count,
                                 int64_t steps, int32_t shift, int32_t *out) {
    const int64_t size = steps * 4 * kPanel;
    for (int64_t p = 0; p < count; p += 2)
        tile_avxvnni<1>(a, panels + p * size, panels + (p + 1) * size, steps, &shift,
                        out + p * kPanel);
}

#undef ISOGLOSS_TARGET
#endif

#define ISOGLOSS_TARGET __attribute__((target("avx512f,avx512bw,avx512vnni")))

ISOGLOSS_TARGET void eight_vnni(const int8_t *a, const int8_t *b, const int8_t *c, int64_t steps,
                                const int32_t *shift, int32_t *out) {
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
    __m512i sum[kRows][2];
#pragma GCC unroll 8
    for (int64_t i = 0; i < kRows; ++i) sum[i][0] = sum[i][1] = _mm512_set1_epi32(-shift[i]);
    for (int64_t g = 0; g < steps; ++g) {
        const int64_t at = g * 4 * kPanel;
        const __m512i left = _mm512_xor_si512(_mm512_loadu_si512(b + at), flip);
        const __m512i right = _mm512_xor_si512(_mm512_loadu_si512(c + at), flip);
#pragma GCC unroll 8
        for (int64_t i = 0; i < kRows; ++i) {
            const __m512i x = _mm512_set1_epi32(four(a + at + i * 4));
            sum[i][0] = _mm512_dpbusd_epi32(sum[i][0], left, x);
            sum[i][1] = _mm512_dpbusd_epi32(sum[i][1], right, x);
        }
    }
#pragma GCC unroll 8
    for (int64_t i = 0; i < kRows; ++i) {
        _mm512_storeu_si512(out + i * kKeys, sum[i][0]);
        _mm512_storeu_si512(out + i * kKeys + kPanel, sum[i][1]);
    }
}

ISOGLOSS_TARGET void one_vnni(const int8_t *a, const int8_t *panels, int64_t count, int64_t steps,
                              int32_t shift, int32_t *out) {
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
    const int64_t size = steps * 4 * kPanel;
    for (int64_t p = 0; p < count; p += kWide, panels += kWide * size) {
        __m512i sum[kWide];
#pragma GCC unroll 4
        for (int64_t c = 0; c < kWide; ++c) sum[c] = _mm512_set1_epi32(-shift);
        for (int64_t g = 0; g < steps; ++g) {
            const int64_t at = g * 4 * kPanel;
            const __m512i x = _mm512_set1_epi32(four(a + at));
#pragma GCC unroll 4
            for (int64_t c = 0; c < kWide; ++c)
                sum[c] = _mm512_dpbusd_epi32(
                    sum[c], _mm512_xor_si512(_mm512_loadu_si512(panels + c * size + at), flip), x);
        }
#pragma GCC unroll 4
        for (int64_t c = 0; c < kWide; ++c)
            _mm512_storeu_si512(out + (p + c) * kPanel, sum[c]);
    }
}

#undef ISOGLOSS_TARGET
#endif

struct Found {
    Kernel kernels[5];
    int count = 0;

    Found() {
#ifdef ISOGLOSS_X86
        if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw"))
            kernels[count++] = {"vnni", true, eight_vnni, one_vnni};
#ifdef ISOGLOSS_AVXVNNI
        if (__builtin_cpu_supports("avxvnni"))
            kernels[count++] = {"avxvnni", true, eight_avxvnni, one_avxvnni};
#endif
        if (__builtin_cpu_supports("avx2"))
            kernels[count++] = {"avx2", true, eight_avx2, one_avx2};
        kernels[count++] = {"sse2", false, eight_sse2, one_sse2};
#endif
        kernels[count++] = {"plain", false, eight_plain, one_plain};
    }
};

const Found &found() {
    static const Found made;
    return made;
}

}  // namespace

const Kernel *kernel_at(int number) {
    return number < found().count ? found().kernels + number : nullptr;
}

const Kernel *kernel_named(const char *name) {
    if (!*name) return kernel_at(0);
    for (int i = 0; i < found().count; ++i)
        if (!std::strcmp(found().kernels[i].name, name)) return kernel_at(i);
    return nullptr;
}

}  // namespace codes
