/* What the electrodes and the pulse sensor put on the node's analogue pins. */
#ifndef BODY_H
#define BODY_H

#include <stdint.h>

#include <simavr/sim_avr.h>

#define BODY_HZ 100
#define PINS 2

/* Reads rows `millivolts of A0,millivolts of A1`, one each 10 ms, played over and over; exits where it cannot. */
void body_open(avr_t *avr, const char *waveform);

/* Puts the next row on the pins: call it BODY_HZ times a second. */
void body_turn(void);

/* Holds a pin at a voltage, from the next row on; below zero: it follows the waveform again. */
void body_hold(unsigned pin, int millivolts);

/* From now on each reading finds the pins up to `millivolts` above or below where they should be, by chance. */
void body_noise(unsigned seed, unsigned millivolts);

/* When the newest bursts of readings began, in cycles, oldest first: one that comes after a millisecond of silence begins
 * one. Answers how many there were since the last call; at most `most` of them are written. */
unsigned body_take_bursts(uint64_t *cycles, unsigned most);

#endif
