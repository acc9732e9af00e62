/* Consistent Overhead Byte Stuffing for frames shorter than 254 bytes, and the CRC that frames end with. */
#ifndef COBS_H
#define COBS_H

#include <stdint.h>

/* Codes `length` bytes into `coded`, which holds length + 1, and answers how many it wrote. No zero is among them. */
uint8_t cobs_encode(const uint8_t *data, uint8_t length, uint8_t *coded);

/* Decodes in place and answers the new length; 0 where this is no COBS. */
uint8_t cobs_decode(uint8_t *bytes, uint8_t length);

/* CRC-16/CCITT-FALSE. */
uint16_t crc16(const uint8_t *data, uint8_t length);

#endif
