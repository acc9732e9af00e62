/* The node's serial line: its UART on a pseudo-terminal, with faults on the way out. */
#ifndef SERIAL_LINE_H
#define SERIAL_LINE_H

#include <stdint.h>

#include <simavr/sim_avr.h>

/* Opens the pseudo-terminal, ties UART 0 to it and answers the name of its other end; exits where there is none. */
const char *line_open(avr_t *avr);

/* Gives the node the next byte that came, if one did: call it once in a byte's time. */
void line_turn(void);

/* Reads what came into a queue without giving it to the node; answers how many bytes ever came. */
uint64_t line_received(void);

/* How many bytes ever went out, lost ones not counted. */
uint64_t line_sent(void);

/* The next `count` bytes vanish; the next one has the bits of `mask` turned over. */
void line_drop(unsigned count);
void line_flip(uint8_t mask);

/* From now on each byte is damaged with this chance, half of them lost and half with one bit turned over. */
void line_noise(unsigned seed, unsigned per_million);

#endif
