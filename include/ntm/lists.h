/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists and blobs that control messages and handshake payloads are made of. */
#pragma once

#include "ntm/addr.h"
#include "ntm/cert.h"

#include <stdint.h>

/* security.md A2: at most 8 self-declared addresses. */
#define NTM_MSG_ADDRS    8
#define NTM_MSG_PREFIXES 8
#define NTM_MSG_NAMES    4
/* Of a page of PARTNERS: as many as an encoded message has room for. */
#define NTM_MSG_CERTS 4

struct ntm_addr_list {
	uint8_t count;
	struct ntm_addr item[NTM_MSG_ADDRS];
};
struct ntm_prefix_list {
	uint8_t count;
	struct ntm_prefix item[NTM_MSG_PREFIXES];
};
struct ntm_name_list {
	uint8_t count;
	char item[NTM_MSG_NAMES][NTM_NAME_MAX + 1];
};
struct ntm_cert_blob {
	uint16_t len;
	uint8_t data[NTM_CERT_MAX];
};
struct ntm_cert_list {
	uint8_t count;
	struct ntm_cert_blob item[NTM_MSG_CERTS];
};
