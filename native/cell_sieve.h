// The signs of all rows of an index, and which rows of a cell a query must look at.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "arrays.h"
#include "code_query.h"
#include "sign_tiles.h"

namespace {

constexpr float kSigmas = 2.5f;  // standard errors that an estimate by signs may be too low

class CellSieve {
   public:
    // What a query needs, and the rows that it has to look at.
    struct Asked {
        SignTables tables;
        float square;  // of the query
        std::vector<uint32_t> kept;
        std::vector<int32_t> slots;
    };

    CellSieve(Tiles tiles, Floats along, Floats factors, const Longs &starts, int64_t width)
        : tiles_(tiles), along_(along), factors_(factors), first_(starts.shape(0), 0),
          width_(width), rotation_(width), sift_(choose_sift()) {
        const size_t cells = starts.shape(0) - 1;
        for (size_t cell = 0; cell < cells; ++cell)
            first_[cell + 1] = first_[cell] + (starts(cell + 1) - starts(cell) + kTile - 1) / kTile;
        const auto rows = static_cast<size_t>(first_[cells] * kTile);
        if (tiles.shape(0) * kTile != rows || tiles.shape(1) * 8 != static_cast<size_t>(width) ||
            tiles.shape(2) != kTile || along.shape(0) != rows || factors.shape(0) != rows)
            throw nb::value_error("CodeScan.use_signs: shapes do not fit");
    }

    int64_t tiles() const { return first_.back(); }

    std::unique_ptr<Asked> ask(const float *query, int64_t dim) const {
        float square = 0;
        for (int64_t j = 0; j < dim; ++j) square += query[j] * query[j];
        return std::make_unique<Asked>(
            Asked{SignTables(query, dim, rotation_, width_), square, {}, {}});
    }

    // Adds the rows of a cell that pass (as bits; none: all) and may reach `least`; fetches codes.
    void sift(Asked &asked, Near near, const uint32_t *passing, int64_t own, int64_t rows,
              float least, const Codes &codes) const {
        const float score = near.score();
        const int64_t first = first_[near.number()], count = first_[near.number() + 1] - first;
        const float across = std::sqrt(std::max(0.0f, asked.square - score * score));
        const Sieve sieve{asked.tables.step, kSigmas * kAcross * across - asked.tables.offset,
                          score, least};
        if (static_cast<int64_t>(asked.kept.size()) < count) asked.kept.resize(count);
        sift_(tiles_.data() + first * (width_ / 8) * kTile, count, width_,
              asked.tables.bytes.data(), along_.data() + first * kTile,
              factors_.data() + first * kTile, sieve, asked.kept.data());
        for (int64_t tile = 0; tile < count; ++tile) {
            const int64_t left = rows - tile * kTile;
            uint32_t bits = asked.kept[tile];
            if (left < kTile) bits &= (1u << left) - 1;
            if (passing) bits &= passing[first + tile];
            for (; bits; bits &= bits - 1) {
                const int64_t slot = own + tile * kTile + __builtin_ctz(bits);
                asked.slots.push_back(static_cast<int32_t>(slot));
                const int8_t *row = codes.data() + slot * width_;
                for (int64_t j = 0; j < width_; j += 64) __builtin_prefetch(row + j, 0, 2);
            }
        }
    }

    // Ask for the signs of a cell, or the first of them, before they are needed.
    void fetch(int64_t cell) const {
        const int64_t size = width_ / 8 * kTile;
        const uint8_t *from = tiles_.data() + first_[cell] * size;
        const int64_t end = std::min<int64_t>(2, first_[cell + 1] - first_[cell]) * size;
        for (int64_t j = 0; j < end; j += 64) __builtin_prefetch(from + j, 0, 3);
    }

   private:
    Tiles tiles_;
    Floats along_, factors_;
    std::vector<int64_t> first_;  // tile of each cell
    int64_t width_;
    Rotation rotation_;
    Sift sift_;
};

}  // namespace
