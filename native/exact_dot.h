// Dot products of float rows, summed in one order on every processor.
#pragma once
#include <cstdint>
#include <cstring>

#include "clones.h"

namespace exact {

constexpr int64_t kLanes = 16, kSpan = 2 * kLanes;

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

typedef float Half __attribute__((vector_size(8 * sizeof(float))));
typedef float Quarter __attribute__((vector_size(4 * sizeof(float))));

// Lanes i and i + 8, then i and i + 4, ...
__attribute__((always_inline)) inline float fold(const Lanes &lanes) {
    Half low, high;
    __builtin_memcpy(&low, &lanes, sizeof(low));
    __builtin_memcpy(&high, reinterpret_cast<const char *>(&lanes) + sizeof(low), sizeof(high));
    low += high;
    Quarter left, right;
    __builtin_memcpy(&left, &low, sizeof(left));
    __builtin_memcpy(&right, reinterpret_cast<const char *>(&low) + sizeof(left), sizeof(right));
    left += right;
    return (left[0] + left[2]) + (left[1] + left[3]);
}

// Place j of both rows goes into lane j modulo 32, lanes are folded in halves. No product is fused
// with a sum (-ffp-contract=off), so that x . y and y . x are the same bits everywhere.
template <int Keys>
__attribute__((always_inline)) inline void dots(const float *x, const float *const *y, int64_t dim,
                                                float *out) {
    Lanes even[Keys], odd[Keys];
#pragma GCC unroll 8
    for (int k = 0; k < Keys; ++k) even[k] = odd[k] = Lanes{};
    const auto add = [&](const float *one, const float *const *two, int64_t at) {
        Lanes left, right;
        __builtin_memcpy(&left, one, sizeof(left));
        __builtin_memcpy(&right, one + kLanes, sizeof(right));
#pragma GCC unroll 8
        for (int k = 0; k < Keys; ++k) {
            Lanes first, second;
            __builtin_memcpy(&first, two[k] + at, sizeof(first));
            __builtin_memcpy(&second, two[k] + at + kLanes, sizeof(second));
            even[k] += left * first;
            odd[k] += right * second;
        }
    };
    int64_t j = 0;
    for (; j + kSpan <= dim; j += kSpan) add(x + j, y, j);
    if (j < dim) {  // places after the end count as zeros
        float rest[Keys + 1][kSpan] = {};
        const float *at[Keys];
        for (int k = 0; k < Keys; ++k) {
            std::memcpy(rest[k], y[k] + j, (dim - j) * sizeof(float));
            at[k] = rest[k];
        }
        std::memcpy(rest[Keys], x + j, (dim - j) * sizeof(float));
        add(rest[Keys], at, 0);
    }
#pragma GCC unroll 8
    for (int k = 0; k < Keys; ++k) out[k] = fold(even[k] + odd[k]);
}

}  // namespace exact
