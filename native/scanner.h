// Words of UTF-8 texts: the scanner that cuts them, and a table of words in one arena.
// The rules are those of isogloss.text.tokens, whose plain Python gives the same words.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "runs.h"
#include "unicode_tables.h"

namespace nb = nanobind;

namespace text {

enum Class : uint8_t { SEPARATOR, LETTER, DIGIT, MARK, UNSPACED, APOSTROPHE, HYPHEN, POINT };

using Bytes = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Offsets = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

inline const unicode::Record &record_of(uint32_t code) {
    return unicode::records[unicode::blocks[unicode::block_of[code >> 7]][code & 127]];
}

inline bool ascii_word(uint8_t byte) {
    return (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z');
}

inline uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte | 32 : byte; }

// What the tables hold, in the form that the scanner asks for; built once.
struct Rules {
    std::unordered_map<uint64_t, uint32_t> pairs;
    std::vector<bool> seconds;  // may a code point below 0x20000 be the second of a pair?
    std::unordered_set<std::string_view> tags, elisions;
    uint8_t ascii_class[128];
    uint8_t ascii_fold[128];
    bool plain[128];  // separators at which nothing else can begin

    Rules() : seconds(0x20000) {
        for (const auto &pair : unicode::pairs) {
            pairs.emplace(uint64_t(pair.first) << 32 | pair.second, pair.both);
            seconds[pair.second] = true;
        }
        for (uint32_t code = 0x1161; code <= 0x1175; ++code) seconds[code] = true;
        for (uint32_t code = 0x11A8; code <= 0x11C2; ++code) seconds[code] = true;
        for (const char *tag : unicode::tags) tags.insert(tag);
        for (const char *word : unicode::elisions) elisions.insert(word);
        for (uint32_t code = 0; code < 128; ++code) {
            const auto &record = record_of(code);
            ascii_class[code] = record.kind;
            ascii_fold[code] = static_cast<uint8_t>(code + record.value);
            plain[code] = record.kind == SEPARATOR && !std::strchr("<&#/:@%+_", static_cast<int>(code));
        }
        plain[0] = true;  // strchr finds the end of its string
    }

    uint32_t compose(uint32_t first, uint32_t second) const {
        if (second >= 0x20000 || !seconds[second]) return 0;
        if (first >= 0x1100 && first <= 0x1112 && second >= 0x1161 && second <= 0x1175)
            return 0xAC00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28;
        if (first >= 0xAC00 && first <= 0xD7A3 && (first - 0xAC00) % 28 == 0 &&
            second >= 0x11A8 && second <= 0x11C2)
            return first + (second - 0x11A7);
        const auto found = pairs.find(uint64_t(first) << 32 | second);
        return found == pairs.end() ? 0 : found->second;
    }
};

inline const Rules &rules() {
    static const Rules made;
    return made;
}

inline void append_utf8(std::string &out, uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | code >> 6);
        out += static_cast<char>(0x80 | (code & 63));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | code >> 12);
        out += static_cast<char>(0x80 | (code >> 6 & 63));
        out += static_cast<char>(0x80 | (code & 63));
    } else {
        out += static_cast<char>(0xF0 | code >> 18);
        out += static_cast<char>(0x80 | (code >> 12 & 63));
        out += static_cast<char>(0x80 | (code >> 6 & 63));
        out += static_cast<char>(0x80 | (code & 63));
    }
}

// One character from [at, end); bytes that are not UTF-8 read as U+FFFD, one each.
inline uint32_t decode(const uint8_t *&at, const uint8_t *end) {
    const uint8_t first = *at++;
    if (first < 0x80) return first;
    const int more = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 && first < 0xF0 ? 2
                     : first >= 0xC2 && first < 0xE0 ? 1 : 0;
    if (more == 0 || end - at < more) return 0xFFFD;
    uint32_t code = first & (63 >> more);
    for (int k = 0; k < more; ++k) {
        if ((at[k] & 0xC0) != 0x80) return 0xFFFD;
        code = code << 6 | (at[k] & 63);
    }
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0xFFFD;
    at += more;
    return code;
}

// ---- what is no text: addresses, tags, entities. Each gives the length of a match at `at`, or 0.

inline size_t match_tag(const uint8_t *at, const uint8_t *end) {
    const uint8_t *p = at + 1;
    if (end - p >= 3 && p[0] == '!' && p[1] == '-' && p[2] == '-') {
        p += 3;
    } else if (end - p >= 8 && p[0] == '!') {
        for (int k = 0; k < 7; ++k)
            if (lower(p[1 + k]) != "doctype"[k]) return 0;
        p += 8;
    } else {
        if (p < end && *p == '/') ++p;
        char name[11];
        size_t length = 0;
        while (p < end && ascii_word(*p)) {
            if (length == 10) return 0;
            name[length++] = static_cast<char>(lower(*p++));
        }
        if (p == end || !(*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n' || *p == '/' ||
                          *p == '>'))
            return 0;
        if (!rules().tags.count({name, length})) return 0;
    }
    for (int characters = 0; p < end; ++p) {
        if (*p == '>') return static_cast<size_t>(p + 1 - at);
        if (*p == '<') return 0;
        if ((*p & 0xC0) != 0x80 && ++characters > 1000) return 0;
    }
    return 0;
}

inline size_t match_entity(const uint8_t *at, const uint8_t *end, bool &apostrophe) {
    const size_t limit = std::min<size_t>(10, static_cast<size_t>(end - at));
    size_t length = 1;
    while (length < limit && at[length] != ';') ++length;
    if (length == limit) return 0;
    const std::string_view name(reinterpret_cast<const char *>(at + 1), length - 1);
    for (const char *same : {"#39", "#039", "#x27", "#8217", "#x2019", "apos", "rsquo"})
        if (name == same) {
            apostrophe = true;
            return length + 1;
        }
    apostrophe = false;
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto hex = [&](char c) { return digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); };
    const auto letter = [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; };
    const auto all = [](std::string_view part, auto test) {
        return std::all_of(part.begin(), part.end(), test);
    };
    bool good = false;
    if (name.size() >= 2 && name[0] == '#' && (name[1] == 'x' || name[1] == 'X'))
        good = name.size() >= 3 && name.size() <= 8 && all(name.substr(2), hex);
    else if (name.size() >= 2 && name[0] == '#')
        good = name.size() <= 8 && all(name.substr(1), digit);
    else
        good = name.size() >= 2 && name.size() <= 8 && all(name, letter);
    return good ? length + 1 : 0;
}

inline bool starts_with(const uint8_t *at, const uint8_t *end, const char *text) {
    for (; *text; ++text, ++at)
        if (at == end || lower(*at) != static_cast<uint8_t>(*text)) return false;
    return true;
}

inline size_t match_url(const uint8_t *at, const uint8_t *end) {
    if (!starts_with(at, end, "http://") && !starts_with(at, end, "https://") &&
        !starts_with(at, end, "ftp://") && !starts_with(at, end, "www."))
        return 0;
    const uint8_t *p = at;
    while (p < end && *p > 32 && *p < 127 && !std::strchr("<>\"`{}|\\^", *p)) ++p;
    return static_cast<size_t>(p - at);
}

// `failed` is the end of the last run that was no address: starts within it need no second look.
inline size_t match_mail(const uint8_t *at, const uint8_t *end, const uint8_t *&failed) {
    if (at < failed) return 0;
    const uint8_t *p = at;
    while (p < end && (ascii_word(*p) || (*p && std::strchr("._%+-", *p)))) ++p;
    if (p == end || *p != '@' || p + 1 == end || !ascii_word(p[1])) {
        failed = p;
        return 0;
    }
    ++p;
    while (p < end && (ascii_word(*p) || *p == '.' || *p == '-')) ++p;
    return static_cast<size_t>(p - at);
}

// ---- characters to words

struct Character {
    uint32_t code;
    uint8_t kind;
};

// Cuts a text and hands each word to `take` as UTF-8 bytes, behind which kReadable more can be read.
//
// Runs of plain ASCII between plain separators are words as they stand; `odd` cuts all other
// text, one character at a time, up to the next plain separator.
template <typename Take>
class Scanner {
  public:
    static constexpr size_t kReadable = 16;

    explicit Scanner(Take take) : take_(std::move(take)), rules_(rules()) {}

    void scan(const uint8_t *begin, const uint8_t *end) {
        begin_ = failed_ = begin;
        for (const uint8_t *at = begin; at < end;) at = window(at, end);
    }

  private:
    // "www." as read: the start of an address, which ends like a plain word.
    static constexpr uint32_t kAddress = 0x2E777777;
    static constexpr size_t kWindow = 1 << 15;  // bytes; a window ends before a plain separator

    Take take_;
    const Rules &rules_;
    Runs runs_;
    const uint8_t *begin_ = nullptr, *failed_ = nullptr;  // of the text; see match_mail
    uint32_t previous_ = 0;          // the last character, for composition
    bool joined_ = false;            // is a joiner waiting behind the word?
    Character joiner_{};
    uint8_t last_base_ = SEPARATOR;  // class of the last character of the word that is no mark
    std::vector<Character> word_, part_;
    std::vector<std::vector<uint32_t>> clusters_;
    size_t cluster_count_ = 0;
    std::string out_;

    // Cuts a stretch from `at` on, and gives where it ended.
    const uint8_t *window(const uint8_t *at, const uint8_t *end) {
        const auto cut = [&](uint8_t byte) { return byte < 128 && rules_.plain[byte]; };
        const uint8_t *stop = end;
        if (static_cast<size_t>(end - at) > kWindow) {
            stop = at + kWindow;
            while (stop > at && !cut(*stop)) --stop;
            if (stop == at)
                for (stop = at + kWindow; stop < end && !cut(*stop);) ++stop;
            if (static_cast<size_t>(stop - at) >= Runs::kNone) return odd(at, end);
        }
        runs_.find(at, static_cast<size_t>(stop - at));
        const char *folded = runs_.folded();
        const uint32_t *edge = runs_.edges(), *place = runs_.odd();
        for (;;) {
            while (edge[1] < *place && load32(folded + edge[0]) != kAddress) {
                plain(folded + edge[0], edge[1] - edge[0]);
                edge += 2;
            }
            uint32_t start = *place;
            if (edge[1] <= *place) {
                start = edge[0];
                if (start == Runs::kNone) break;
                if (edge[1] == *place && harmless(at + start, at + edge[1], stop)) {
                    plain(folded + start, edge[1] - start);
                    edge += 2;
                    ++place;
                    continue;
                }
            }
            const uint8_t *next = odd(at + start, end);
            if (next >= stop) return next;
            while (edge[0] < next - at) edge += 2;
            while (*place <= next - at) ++place;  // a plain separator is no odd place
        }
        return stop;
    }

    // Cuts text with all rules up to a plain separator behind `at`, and gives its place.
    const uint8_t *odd(const uint8_t *at, const uint8_t *end) {
        previous_ = at > begin_ && at[-1] < 128 ? rules_.ascii_fold[at[-1]] : 0;
        while (at < end) {
            const uint8_t byte = *at;
            if (byte < 128) {
                size_t skip = 0;
                bool apostrophe = false;
                if (ascii_word(byte)) {
                    if (at == begin_ || !ascii_word(at[-1])) {
                        const uint8_t low = byte | 32;
                        if (low == 'h' || low == 'f' || low == 'w') skip = match_url(at, end);
                        if (!skip) skip = match_mail(at, end, failed_);
                    }
                } else if (byte == '<') {
                    skip = match_tag(at, end);
                } else if (byte == '&') {
                    skip = match_entity(at, end, apostrophe);
                } else if (byte == '#' && starts_with(at, end, "#39;")) {
                    skip = 4;
                    apostrophe = true;
                } else if (rules_.plain[byte]) {
                    break;
                }
                if (skip) {
                    at += skip;
                    push({apostrophe ? uint32_t('\'') : uint32_t(' '),
                          apostrophe ? APOSTROPHE : SEPARATOR});
                    continue;
                }
                ++at;
                push({rules_.ascii_fold[byte], rules_.ascii_class[byte]});
                continue;
            }
            const uint32_t code = decode(at, end);
            const auto &record = record_of(code);
            if (record.length == 1) {
                push({static_cast<uint32_t>(static_cast<int32_t>(code) + record.value),
                      record.kind});
            } else {
                for (int k = 0; k < record.length; ++k) {
                    const uint32_t part = unicode::pool[record.value + k];
                    push({part, record_of(part).kind});
                }
            }
        }
        flush();
        return at;
    }

    // Does the run from `start` to the sign at `at` end there after all? Two signs join nothing, and
    // some never do; but for addresses.
    bool harmless(const uint8_t *start, const uint8_t *at, const uint8_t *stop) {
        const uint8_t sign = *at, after = at + 1 < stop ? at[1] : ' ';
        if (after >= 128 || (at - start == 3 && sign == '.' && (*start | 32) == 'w')) return false;
        const auto one_of = [](const char *signs, uint8_t byte) {
            return byte && std::strchr(signs, byte);
        };
        if (sign == ':') return after != '/';
        if (sign == '$') return true;
        if (!one_of("_+%", sign) && !(one_of(".,'-", sign) && one_of(".,'-_+%", after))) return false;
        return !match_mail(start, stop, failed_);
    }

    // A run of ASCII letters (small ones) and digits between separators.
    void plain(const char *word, size_t length) {
        if (length < 2 || length > static_cast<size_t>(unicode::longest_word)) return;
        constexpr uint64_t kLetters = 0x4040404040404040ull;
        uint64_t digits = 0;
        for (size_t i = 0; i < length; i += 8) {
            const size_t left = length - i;
            const uint64_t mask = left >= 8 ? ~uint64_t(0) : (uint64_t(1) << (8 * left)) - 1;
            digits |= ~load64(word + i) & kLetters & mask;
        }
        if (digits && !mixed(word, length)) return;
        take_(std::string_view(word, length));
    }

    static bool mixed(const char *word, size_t length) {
        size_t digits = word[0] < 'a', switches = 0;
        for (size_t i = 1; i < length; ++i) {
            digits += word[i] < 'a';
            switches += (word[i] < 'a') != (word[i - 1] < 'a');
        }
        return digits == length ? length <= 4 : length < 8 || switches <= 3;
    }

    void push(Character now) {
        if (now.code >= 0x300 && previous_) {
            if (const uint32_t both = rules_.compose(previous_, now.code)) {
                previous_ = both;
                if (cluster_count_ && !clusters_[cluster_count_ - 1].empty())
                    clusters_[cluster_count_ - 1].back() = both;
                else if (!word_.empty() && !joined_)
                    word_.back().code = both;
                return;
            }
        }
        previous_ = now.code;
        switch (now.kind) {
            case LETTER:
            case DIGIT:
                if (cluster_count_) flush();
                if (joined_) {
                    const bool fits =
                        joiner_.kind == HYPHEN ||
                        (joiner_.kind == APOSTROPHE && last_base_ == LETTER && now.kind == LETTER) ||
                        (joiner_.kind == POINT && last_base_ == DIGIT && now.kind == DIGIT);
                    if (fits)
                        word_.push_back(joiner_);
                    else
                        flush();
                    joined_ = false;
                }
                word_.push_back(now);
                last_base_ = now.kind;
                break;
            case MARK:
                if (joined_)
                    flush();
                else if (!word_.empty())
                    word_.push_back(now);
                else if (cluster_count_)
                    clusters_[cluster_count_ - 1].push_back(now.code);
                break;
            case UNSPACED:
                if (!word_.empty()) flush();
                if (cluster_count_ == clusters_.size()) clusters_.emplace_back();
                clusters_[cluster_count_].assign(1, now.code);
                ++cluster_count_;
                break;
            case APOSTROPHE:
            case HYPHEN:
            case POINT:
                if (!word_.empty() && !joined_) {
                    joined_ = true;
                    joiner_ = now;
                } else {
                    flush();
                }
                break;
            default:
                flush();
        }
    }

    void flush() {
        joined_ = false;
        if (!word_.empty()) {
            split_hyphens();
            word_.clear();
        }
        if (cluster_count_) {
            give_clusters();
            cluster_count_ = 0;
        }
    }

    void give_clusters() {
        const size_t last = cluster_count_ == 1 ? 1 : cluster_count_ - 1;
        for (size_t i = 0; i < last; ++i) {
            out_.clear();
            size_t length = 0;
            for (size_t j = i; j < std::min(i + 2, cluster_count_); ++j) {
                length += clusters_[j].size();
                for (const uint32_t code : clusters_[j]) append_utf8(out_, code);
            }
            if (length <= static_cast<size_t>(unicode::longest_word)) give_out();
        }
    }

    // Words fall apart at hyphens, but for single letters: x-ray, e-mail.
    void split_hyphens() {
        const size_t n = word_.size();
        size_t start = 0, piece = 0;  // of the part, and of the piece before the hyphen
        for (size_t i = 0; i <= n; ++i) {
            if (i < n && word_[i].kind != HYPHEN) continue;
            bool keep = false;
            if (i < n) {
                size_t next = i + 1;
                while (next < n && word_[next].kind != HYPHEN) ++next;
                keep = (i - piece == 1 && word_[piece].kind == LETTER) ||
                       (next - i == 2 && word_[i + 1].kind == LETTER);
            }
            piece = i + 1;
            if (keep) continue;
            split_points(start, i);
            start = i + 1;
        }
    }

    void split_points(size_t start, size_t stop) {
        bool point = false, number = true;
        for (size_t i = start; i < stop; ++i) {
            point |= word_[i].kind == POINT;
            number &= word_[i].kind == POINT || word_[i].kind == DIGIT;
        }
        if (point && number) return;  // 1,000 and 3.14 and 192.168.0.1
        for (size_t i = start; i <= stop; ++i) {
            if (i < stop && word_[i].kind != POINT) continue;
            give(start, i);
            start = i + 1;
        }
    }

    void give(size_t start, size_t stop) {
        if (start >= stop) return;
        bool letter = false, digits = true;
        for (size_t i = start; i < stop; ++i) {
            letter |= word_[i].kind == LETTER;
            digits &= word_[i].kind == DIGIT;
        }
        if (!letter) {
            if (!digits || stop - start < 2 || stop - start > 4) return;
        } else {
            for (size_t i = start; i < stop; ++i) {
                if (word_[i].code != '\'') continue;
                out_.clear();
                for (size_t j = start; j < i; ++j) append_utf8(out_, word_[j].code);
                if (rules_.elisions.count(out_)) start = i + 1;
                break;
            }
            if (stop - start > 2 && word_[stop - 1].code == 's' && word_[stop - 2].code == '\'')
                stop -= 2;
        }
        const size_t length = stop - start;
        if (length == 1 && (word_[start].code < 0xAC00 || word_[start].code > 0xD7A3)) return;
        if (length > static_cast<size_t>(unicode::longest_word)) return;
        if (length >= 8) {
            int switches = 0;
            for (size_t i = start + 1; i < stop; ++i) {
                const uint8_t a = word_[i - 1].kind, b = word_[i].kind;
                switches += (a == LETTER && b == DIGIT) || (a == DIGIT && b == LETTER);
            }
            if (switches > 3) return;
        }
        out_.clear();
        for (size_t i = start; i < stop; ++i) {
            const bool final_sigma = word_[i].code == 0x3C3 && i + 1 == stop;
            append_utf8(out_, final_sigma ? 0x3C2 : word_[i].code);
        }
        give_out();
    }

    void give_out() {
        const size_t length = out_.size();
        out_.append(kReadable, '\0');
        take_(std::string_view(out_.data(), length));
    }
};

template <typename Take>
Scanner<Take> scanner(Take take) {
    return Scanner<Take>(std::move(take));
}

// Holds offsets first..last against the data.
inline void check(const Bytes &data, const Offsets &offsets, size_t first, size_t last) {
    int64_t before = 0;
    for (size_t i = first; i <= last; ++i) {
        if (offsets.data()[i] < before) throw nb::value_error("tokens: offsets must not fall");
        before = offsets.data()[i];
    }
    if (before > static_cast<int64_t>(data.shape(0)))
        throw nb::value_error("tokens: offsets reach beyond the data");
}

inline void check(const Bytes &data, const Offsets &offsets) {
    if (offsets.shape(0) == 0) throw nb::value_error("tokens: offsets must hold at least one number");
    check(data, offsets, 0, offsets.shape(0) - 1);
}

// ---- a table of words in one arena: no object a word

class Words {
  public:
    Words() : slots_(1024, -1) { starts_.push_back(0); }

    size_t size() const { return starts_.size() - 1; }
    std::string_view word(size_t i) const {
        return {arena_.data() + starts_[i], static_cast<size_t>(starts_[i + 1] - starts_[i])};
    }

    int64_t find(std::string_view text) const { return slots_[place(text, hash(text))]; }

    // Number of the word, which is new where it equals the size before.
    size_t add(std::string_view text) {
        const uint64_t code = hash(text);
        size_t slot = place(text, code);
        if (slots_[slot] >= 0) return static_cast<size_t>(slots_[slot]);
        if (2 * (size() + 1) > slots_.size()) {
            grow();
            slot = place(text, code);
        }
        slots_[slot] = static_cast<int32_t>(size());
        arena_.append(text);
        starts_.push_back(static_cast<int64_t>(arena_.size()));
        hashes_.push_back(static_cast<uint32_t>(code >> 32));
        return size() - 1;
    }

  private:
    std::string arena_;
    std::vector<int64_t> starts_;
    std::vector<uint32_t> hashes_;
    std::vector<int32_t> slots_;

    static uint64_t hash(std::string_view text) {  // FNV-1a, with a last mix
        uint64_t code = 1469598103934665603ull;
        for (const char c : text) code = (code ^ static_cast<uint8_t>(c)) * 1099511628211ull;
        code ^= code >> 32;
        return code * 0x9E3779B97F4A7C15ull;
    }

    size_t place(std::string_view text, uint64_t code) const {
        const size_t mask = slots_.size() - 1;
        const uint32_t high = static_cast<uint32_t>(code >> 32);
        size_t slot = high & mask;
        while (slots_[slot] >= 0) {
            const size_t i = static_cast<size_t>(slots_[slot]);
            if (hashes_[i] == high && word(i) == text) return slot;
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    void grow() {
        slots_.assign(slots_.size() * 2, -1);
        const size_t mask = slots_.size() - 1;
        for (size_t i = 0; i < size(); ++i) {
            size_t slot = hashes_[i] & mask;
            while (slots_[slot] >= 0) slot = (slot + 1) & mask;
            slots_[slot] = static_cast<int32_t>(i);
        }
    }
};

template <typename T>
nb::object to_numpy(std::vector<T> &&values) {
    auto *kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
    const size_t length = kept->size();
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {length}, owner));
}

}  // namespace text
