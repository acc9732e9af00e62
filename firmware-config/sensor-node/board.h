/* What this board is: its clock, its pins, its channels. A port to another board begins here. */
#ifndef BOARD_H
#define BOARD_H

#include <avr/io.h>
#include <stdint.h>

#ifndef BAUD_RATE
/* 2.1% fast at 16 MHz with U2X, within what a receiver tolerates (about 4%), and known to every host without a special
 * speed. 500 Hz need 9.6 kB/s of its 11.7. `make BAUD=250000` is exact. */
#define BAUD_RATE 115200UL
#endif

#define PROTOCOL 1
#define FIRMWARE_MAJOR 1
#define FIRMWARE_MINOR 0
#define FIRMWARE_PATCH 0

#define RATE_DEFAULT_HZ 100
#define RATE_MOST_HZ 500

/* The kinds of docs/sensor-protocol.md, in the order of the ADC's pins: A0 is the Grove GSR, A1 the pulse sensor. */
#define CHANNELS 2
#define CHANNEL_KINDS {1, 2}
#define GSR_CHANNEL 0
#define PULSE_CHANNEL 1

/* The LED of an Uno or Nano. */
#define LED_DDR DDRB
#define LED_PORT PORTB
#define LED_BIT PB5

#endif
