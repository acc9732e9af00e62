/* The serial line: two rings that interrupts empty and fill. Neither side ever waits. */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stdint.h>

void serial_begin(void);

/* Queues all of `bytes`, or nothing and answers false where there is no room. */
bool serial_write(const uint8_t *bytes, uint8_t length);

/* Whether a byte came. */
bool serial_waits(void);

/* The next byte that came, or -1. */
int16_t serial_read(void);

#endif
