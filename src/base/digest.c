/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/base/digest.h"

#include <sodium/crypto_hash_sha256.h>

void ph_digest(const void *bytes, size_t length, char hex[65])
{
    static const char digit[] = "0123456789abcdef";
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, bytes, length);
    for (size_t i = 0; i < sizeof hash; i++) {
        hex[2 * i] = digit[hash[i] >> 4];
        hex[2 * i + 1] = digit[hash[i] & 15];
    }
    hex[64] = '\0';
}
