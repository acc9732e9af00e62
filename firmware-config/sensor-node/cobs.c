#include "cobs.h"

#include <util/crc16.h>

uint8_t cobs_encode(const uint8_t *data, uint8_t length, uint8_t *coded) {
    uint8_t code_at = 0, end = 1;
    for (uint8_t i = 0; i < length; i++) {
        if (data[i]) {
            coded[end++] = data[i];
            continue;
        }
        coded[code_at] = (uint8_t)(end - code_at);
        code_at = end++;
    }
    coded[code_at] = (uint8_t)(end - code_at);
    return end;
}

uint8_t cobs_decode(uint8_t *bytes, uint8_t length) {
    uint8_t from = 0, to = 0;
    while (from < length) {
        const uint8_t code = bytes[from++];
        if (code == 0 || code - 1 > length - from) {
            return 0;
        }
        for (uint8_t i = 1; i < code; i++) {
            bytes[to++] = bytes[from++];
        }
        if (from < length) {
            bytes[to++] = 0;
        }
    }
    return to;
}

uint16_t crc16(const uint8_t *data, uint8_t length) {
    uint16_t crc = 0xFFFF;
    while (length--) {
        crc = _crc_xmodem_update(crc, *data++);
    }
    return crc;
}
