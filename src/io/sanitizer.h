/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this a sanitizer build? Its leak checker traces the own process at exit, so that such a build
 * has to stay dumpable. */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define NTM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NTM_ASAN 1
#endif
#endif
#ifndef NTM_ASAN
#define NTM_ASAN 0
#endif
