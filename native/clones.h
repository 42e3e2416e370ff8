// Functions compiled once for each kind of processor; arithmetic and its order are the same in all.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ISOGLOSS_X86 1
#include <immintrin.h>
#define ISOGLOSS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ISOGLOSS_CLONES
#endif
