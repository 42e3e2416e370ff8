// Which rows of a cell may matter, told from one bit a number: the signs of what a row has besides
// its cell's centre, turned by a fixed rotation (RaBitQ: Gao and Long 2024). 32 rows make a tile,
// and 16-entry tables of sums over four numbers of the query are looked up for all of them at once
// (Andre, Kermarrec and Le Scouarnec 2015). Only integers are summed.
//
// A row x in a cell with centre c is x = a c + r. The query's product with r is estimated from the
// signs s of r as f <q, s>, where f = |r|^2 / <r, s>, which leaves an error of about .6 f times the
// part of the query across c. As r is at a right angle to c, <q, s> less <q, c> <c, s> does better:
// <q, x> is about along <q, c> + f <q, s>, with along = a - f <c, s>.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "clones.h"

namespace {

constexpr int64_t kTile = 32;   // rows of a tile
constexpr float kAcross = 0.6f; // standard error over the factor, where numbers are normal

inline float coin(uint64_t place, uint64_t round) {  // splitmix64: 1 or -1, the same everywhere
    uint64_t z = (2 * place + round + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (z ^ (z >> 31)) & 1 ? 1.0f : -1.0f;
}

// Signs changed by lot, a Hadamard transform of every 64 numbers, the parts mixed, and once more.
class Rotation {
   public:
    explicit Rotation(int64_t width) : width_(width), first_(width), second_(width) {
        for (int64_t j = 0; j < width; ++j) {
            first_[j] = coin(j, 0) / 8;
            second_[j] = coin(j, 1) / 8;
        }
    }

    // `out` has the width; `spare` as well.
    void turn(const float *row, int64_t dim, float *spare, float *out) const {
        for (int64_t j = 0; j < width_; ++j) spare[j] = j < dim ? row[j] * first_[j] : 0.0f;
        transform(spare, width_);
        const int64_t parts = width_ / 64;
        for (int64_t part = 0; part < parts; ++part)
            for (int64_t j = 0; j < 64; ++j)
                out[j * parts + part] = spare[part * 64 + j] * second_[j * parts + part];
        transform(out, width_);
    }

   private:
    ISOGLOSS_CLONES static void transform(float *x, int64_t width) {
        for (int64_t at = 0; at < width; at += 64) {
            float *part = x + at, other[64];
            for (int round = 0; round < 3; ++round) {  // two of the six steps in each round
                for (int j = 0; j < 32; ++j) {
                    other[j] = part[2 * j] + part[2 * j + 1];
                    other[32 + j] = part[2 * j] - part[2 * j + 1];
                }
                for (int j = 0; j < 32; ++j) {
                    part[j] = other[2 * j] + other[2 * j + 1];
                    part[32 + j] = other[2 * j] - other[2 * j + 1];
                }
            }
        }
    }

    int64_t width_;
    std::vector<float> first_, second_;
};

ISOGLOSS_CLONES inline float lane_dot(const float *a, const float *b, int64_t width) {
    constexpr int64_t lanes = 16;
    float sum[lanes] = {0};
    for (int64_t j = 0; j < width; j += lanes)
        for (int64_t lane = 0; lane < lanes; ++lane) sum[lane] += a[j + lane] * b[j + lane];
    for (int64_t step = lanes / 2; step > 0; step /= 2)
        for (int64_t lane = 0; lane < step; ++lane) sum[lane] += sum[lane + step];
    return sum[0];
}

// Signs (width / 8 bytes), `along` and factor of a row and a centre that were both turned.
inline void write_signs(const float *row, const float *centre, int64_t width, float *rest,
                        uint8_t *signs, float &along, float &factor) {
    const float length = lane_dot(centre, centre, width);
    const float share = length > 0 ? lane_dot(row, centre, width) / length : 0.0f;
    float across = 0, size = 0, squares = 0;
    std::fill(signs, signs + width / 8, static_cast<uint8_t>(0));
    for (int64_t j = 0; j < width; ++j) {
        rest[j] = row[j] - share * centre[j];
        const bool positive = rest[j] >= 0;
        signs[j / 8] |= static_cast<uint8_t>(positive << (j % 8));
        across += positive ? centre[j] : -centre[j];
        size += std::fabs(rest[j]);
        squares += rest[j] * rest[j];
    }
    factor = size > 0 ? squares / size : 0.0f;
    along = share - factor * across;
}

// Sums over every four numbers of a turned query by the signs that a row may have there, in 7 bits.
struct SignTables {
    // For each two bytes of signs 128: four tables, of their low halves and of their high halves,
    // each table twice, because two lanes of a vector hold the 32 rows.
    std::vector<uint8_t> bytes;
    float step = 0, offset = 0;  // a sum of entries times step, less offset, is the product

    SignTables(const float *query, int64_t dim, const Rotation &rotation, int64_t width)
        : bytes(width * 8) {
        std::vector<float> spare(width), turned(width);
        rotation.turn(query, dim, spare.data(), turned.data());
        float largest = 0;
        for (int64_t j = 0; j < width; j += 4) {
            const float half = std::fabs(turned[j]) + std::fabs(turned[j + 1]) +
                               std::fabs(turned[j + 2]) + std::fabs(turned[j + 3]);
            largest = std::max(largest, half);
            offset += half;
        }
        // Two entries fit into a byte, all of a row into two bytes.
        const float top = static_cast<float>(std::min<int64_t>(127, 65535 / (width / 4)));
        step = largest > 0 ? 2 * largest / top : 1.0f;
        for (int64_t j = 0; j < width; j += 4) {
            const float *q = turned.data() + j;
            float half = std::fabs(q[0]) + std::fabs(q[1]) + std::fabs(q[2]) + std::fabs(q[3]);
            float low[4] = {-q[0] - q[1], q[0] - q[1], q[1] - q[0], q[0] + q[1]};
            float high[4] = {-q[2] - q[3], q[2] - q[3], q[3] - q[2], q[2] + q[3]};
            uint8_t *table = bytes.data() + j / 16 * 128 + (j / 4 % 2) * 64 + (j / 8 % 2) * 32;
            for (int entry = 0; entry < 16; ++entry) {
                const float sum = (high[entry / 4] + low[entry % 4] + half) / step;
                const auto whole = static_cast<uint8_t>(std::min(top, sum + 0.5f));
                table[entry] = table[16 + entry] = whole;
            }
        }
    }
};

// What a row must reach to be looked at, in one cell.
struct Sieve {
    float step, offset;  // of the tables; less the slack that a factor gets
    float centre;        // the query's product with the centre
    float least;
};

// For each tile the rows (as bits) whose estimate, with its slack, reaches `least`.
inline void sift_plain(const uint8_t *tiles, int64_t count, int64_t width, const uint8_t *tables,
                       const float *along, const float *factors, const Sieve &sieve,
                       uint32_t *kept) {
    for (int64_t tile = 0; tile < count; ++tile, tiles += width / 8 * kTile) {
        uint16_t sums[kTile] = {0};
        for (int64_t j = 0; j < width / 8; ++j) {
            const uint8_t *low = tables + j / 2 * 128 + j % 2 * 32, *high = low + 64;
            for (int64_t row = 0; row < kTile; ++row) {
                const uint8_t byte = tiles[j * kTile + row];
                sums[row] = static_cast<uint16_t>(sums[row] + low[byte & 15] + high[byte >> 4]);
            }
        }
        uint32_t bits = 0;
        for (int64_t row = 0; row < kTile; ++row) {
            const float product = static_cast<float>(sums[row]) * sieve.step + sieve.offset;
            const float score = factors[tile * kTile + row] * product +
                                along[tile * kTile + row] * sieve.centre;
            bits |= static_cast<uint32_t>(score >= sieve.least) << row;
        }
        kept[tile] = bits;
    }
}

#ifdef ISOGLOSS_X86
__attribute__((target("avx2"))) inline void sift_avx2(
    const uint8_t *tiles, int64_t count, int64_t width, const uint8_t *tables, const float *along,
    const float *factors, const Sieve &sieve, uint32_t *kept) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256 step = _mm256_set1_ps(sieve.step), offset = _mm256_set1_ps(sieve.offset);
    const __m256 centre = _mm256_set1_ps(sieve.centre), least = _mm256_set1_ps(sieve.least);
    const auto load = [](const uint8_t *from) __attribute__((target("avx2"))) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from));
    };
    for (int64_t tile = 0; tile < count; ++tile, tiles += width / 8 * kTile) {
        __m256i both = _mm256_setzero_si256(), odd = both;
        for (int64_t j = 0; j < width / 8; ++j) {
            const uint8_t *table = tables + j / 2 * 128 + j % 2 * 32;
            const __m256i signs = load(tiles + j * kTile);
            const __m256i low = _mm256_shuffle_epi8(load(table), _mm256_and_si256(signs, nibble));
            const __m256i high = _mm256_shuffle_epi8(
                load(table + 64), _mm256_and_si256(_mm256_srli_epi16(signs, 4), nibble));
            const __m256i sum = _mm256_add_epi8(low, high);
            both = _mm256_add_epi16(both, sum);
            odd = _mm256_add_epi16(odd, _mm256_srli_epi16(sum, 8));
        }
        const __m256i even = _mm256_sub_epi16(both, _mm256_slli_epi16(odd, 8));
        const __m256i low = _mm256_unpacklo_epi16(even, odd);   // rows 0-7, 16-23
        const __m256i high = _mm256_unpackhi_epi16(even, odd);  // rows 8-15, 24-31
        const __m128i parts[4] = {_mm256_castsi256_si128(low), _mm256_castsi256_si128(high),
                                  _mm256_extracti128_si256(low, 1),
                                  _mm256_extracti128_si256(high, 1)};
        uint32_t bits = 0;
        for (int part = 0; part < 4; ++part) {
            const int64_t at = tile * kTile + part * 8;
            const __m256 sums = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(parts[part]));
            const __m256 product = _mm256_add_ps(_mm256_mul_ps(sums, step), offset);
            const __m256 score =
                _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(factors + at), product),
                              _mm256_mul_ps(_mm256_loadu_ps(along + at), centre));
            const int mask = _mm256_movemask_ps(_mm256_cmp_ps(score, least, _CMP_GE_OQ));
            bits |= static_cast<uint32_t>(mask) << (8 * part);
        }
        kept[tile] = bits;
    }
}

__attribute__((target("avx512f,avx512bw,avx2"))) inline void sift_avx512(
    const uint8_t *tiles, int64_t count, int64_t width, const uint8_t *tables, const float *along,
    const float *factors, const Sieve &sieve, uint32_t *kept) {
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512 step = _mm512_set1_ps(sieve.step), offset = _mm512_set1_ps(sieve.offset);
    const __m512 centre = _mm512_set1_ps(sieve.centre), least = _mm512_set1_ps(sieve.least);
    for (int64_t tile = 0; tile < count; ++tile, tiles += width / 8 * kTile) {
        __m512i both = _mm512_setzero_si512(), odd = both;
        for (int64_t j = 0; j < width / 16; ++j) {
            const __m512i signs = _mm512_loadu_si512(tiles + j * 2 * kTile);
            const __m512i low = _mm512_shuffle_epi8(_mm512_loadu_si512(tables + j * 128),
                                                    _mm512_and_si512(signs, nibble));
            const __m512i high =
                _mm512_shuffle_epi8(_mm512_loadu_si512(tables + j * 128 + 64),
                                    _mm512_and_si512(_mm512_srli_epi16(signs, 4), nibble));
            const __m512i sum = _mm512_add_epi8(low, high);
            both = _mm512_add_epi16(both, sum);
            odd = _mm512_add_epi16(odd, _mm512_srli_epi16(sum, 8));
        }
        const __m256i odds = _mm256_add_epi16(_mm512_castsi512_si256(odd),
                                              _mm512_extracti64x4_epi64(odd, 1));
        const __m256i all = _mm256_add_epi16(_mm512_castsi512_si256(both),
                                             _mm512_extracti64x4_epi64(both, 1));
        const __m256i even = _mm256_sub_epi16(all, _mm256_slli_epi16(odds, 8));
        const __m256i low = _mm256_unpacklo_epi16(even, odds);
        const __m256i high = _mm256_unpackhi_epi16(even, odds);
        const __m256i parts[2] = {_mm256_permute2x128_si256(low, high, 0x20),
                                  _mm256_permute2x128_si256(low, high, 0x31)};
        uint32_t bits = 0;
        for (int part = 0; part < 2; ++part) {
            const int64_t at = tile * kTile + part * 16;
            const __m512 sums = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(parts[part]));
            const __m512 product = _mm512_add_ps(_mm512_mul_ps(sums, step), offset);
            const __m512 score =
                _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(factors + at), product),
                              _mm512_mul_ps(_mm512_loadu_ps(along + at), centre));
            const __mmask16 mask = _mm512_cmp_ps_mask(score, least, _CMP_GE_OQ);
            bits |= static_cast<uint32_t>(mask) << (16 * part);
        }
        kept[tile] = bits;
    }
}
#endif

using Sift = void (*)(const uint8_t *, int64_t, int64_t, const uint8_t *, const float *,
                      const float *, const Sieve &, uint32_t *);

// The fastest of the three that the processor can run; or the one named by `way`, for tests.
inline Sift choose_sift(int way = 2) {
#ifdef ISOGLOSS_X86
    if (way >= 2 && __builtin_cpu_supports("avx512bw")) return sift_avx512;
    if (way >= 1 && __builtin_cpu_supports("avx2")) return sift_avx2;
#endif
    static_cast<void>(way);
    return sift_plain;
}

}  // namespace
