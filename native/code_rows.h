// How rows are written as codes and signs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "arrays.h"
#include "sign_tiles.h"

namespace {

// Numbers of each row as steps of its largest over 127, and what is left in steps of 1/254 of one.
void encode_rows(Table rows, CodesOut codes, CodesOut fine, FloatsOut scales, FloatsOut errors) {
    const auto n = static_cast<int64_t>(rows.shape(0)), dim = static_cast<int64_t>(rows.shape(1));
    const auto width = static_cast<int64_t>(codes.shape(1));
    if (width < dim || codes.shape(0) != rows.shape(0) || fine.shape(0) != rows.shape(0) ||
        fine.shape(1) != codes.shape(1) || scales.shape(0) != rows.shape(0) ||
        errors.shape(0) != rows.shape(0))
        throw nb::value_error("encode_rows: shapes do not fit");
    nb::gil_scoped_release unlocked;
    for (int64_t i = 0; i < n; ++i) {
        const float *row = rows.data() + i * dim;
        int8_t *high = codes.data() + i * width, *low = fine.data() + i * width;
        std::fill(high, high + width, 0);
        std::fill(low, low + width, 0);
        float largest = 0;
        for (int64_t j = 0; j < dim; ++j) largest = std::max(largest, std::fabs(row[j]));
        const float scale = largest / 127.0f;
        scales(i) = scale;
        errors(i) = 0;
        if (!(scale > 0)) continue;
        const double step = scale;
        double lost = 0;
        for (int64_t j = 0; j < dim; ++j) {
            const double whole = std::min(127.0, std::max(-127.0, std::nearbyint(row[j] / step)));
            const double rest = row[j] - whole * step;
            high[j] = static_cast<int8_t>(whole);
            low[j] = static_cast<int8_t>(
                std::min(127.0, std::max(-127.0, std::nearbyint(rest / step * 254))));
            lost += rest * rest;
        }
        errors(i) = std::nextafter(static_cast<float>(std::sqrt(lost)), 1e30f);
    }
}

// Rows turned, as wide as their codes.
void rotate_rows(Table rows, TableOut out) {
    const auto n = static_cast<int64_t>(rows.shape(0)), dim = static_cast<int64_t>(rows.shape(1));
    const auto width = static_cast<int64_t>(out.shape(1));
    if (out.shape(0) != rows.shape(0) || width % 64 || width < dim)
        throw nb::value_error("rotate_rows: shapes do not fit");
    nb::gil_scoped_release unlocked;
    const Rotation rotation(width);
    std::vector<float> spare(width);
    for (int64_t i = 0; i < n; ++i)
        rotation.turn(rows.data() + i * dim, dim, spare.data(), out.data() + i * width);
}

// Signs of rows against the turned centres of their cells.
void encode_signs(Table rows, Table centres, Longs cells,
                  SignsOut signs,
                  FloatsOut along, FloatsOut factors) {
    const auto n = static_cast<int64_t>(rows.shape(0)), dim = static_cast<int64_t>(rows.shape(1));
    const auto width = static_cast<int64_t>(centres.shape(1));
    bool fits = width % 64 == 0 && width >= dim && cells.shape(0) == rows.shape(0) &&
                signs.shape(0) == rows.shape(0) && along.shape(0) == rows.shape(0) &&
                factors.shape(0) == rows.shape(0) &&
                static_cast<int64_t>(signs.shape(1)) * 8 == width;
    for (int64_t i = 0; fits && i < n; ++i)
        fits = cells(i) >= 0 && cells(i) < static_cast<int64_t>(centres.shape(0));
    if (!fits) throw nb::value_error("encode_signs: shapes do not fit");
    nb::gil_scoped_release unlocked;
    const Rotation rotation(width);
    std::vector<float> spare(width), turned(width);
    for (int64_t i = 0; i < n; ++i) {
        rotation.turn(rows.data() + i * dim, dim, spare.data(), turned.data());
        write_signs(turned.data(), centres.data() + cells(i) * width, width, spare.data(),
                    signs.data() + i * (width / 8), along(i), factors(i));
    }
}

// The kernel that sifts, for tests: way 0 is plain, 1 for AVX2, 2 for AVX-512, where there are such.
void sift_tiles(Tiles tiles, Floats along, Floats factors, Floats query, float centre, float slack,
                float least, int way, BitsOut kept) {
    const auto count = static_cast<int64_t>(tiles.shape(0));
    const auto width = static_cast<int64_t>(tiles.shape(1)) * 8;
    if (width % 64 || tiles.shape(2) != kTile || along.shape(0) != tiles.shape(0) * kTile ||
        factors.shape(0) != along.shape(0) || kept.shape(0) != tiles.shape(0) ||
        static_cast<int64_t>(query.shape(0)) > width)
        throw nb::value_error("sift_tiles: shapes do not fit");
    const auto dim = static_cast<int64_t>(query.shape(0));
    const SignTables tables(query.data(), dim, Rotation(width), width);
    const Sieve sieve{tables.step, slack - tables.offset, centre, least};
    choose_sift(way)(tiles.data(), count, width, tables.bytes.data(), along.data(), factors.data(),
                     sieve, kept.data());
}

}  // namespace
