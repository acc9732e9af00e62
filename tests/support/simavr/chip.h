/* The simulated ATmega328P: its clock, its memories, and what can befall it. */
#ifndef CHIP_H
#define CHIP_H

#include <stdint.h>

#include <simavr/sim_avr.h>

#define CLOCK_HZ 16000000

/* Loads the firmware and what `eeprom` holds; the RAM is filled by `seed`, as power-on would. Exits where it cannot. */
avr_t *chip_open(const char *firmware, const char *eeprom, unsigned seed);

/* Runs until this cycle; exits where the chip crashed. */
void chip_run_until(avr_t *avr, uint64_t cycle);

/* Resets it for a reason: a bit of MCUSR. */
void chip_reset(avr_t *avr, uint8_t cause);

/* Cuts the power right after this many more bytes were written to the EEPROM: a brown-out in the middle of it. */
void chip_cut_after(unsigned writes);

/* Turns over bits of the EEPROM; writes it to its file. */
void chip_rot(avr_t *avr, uint16_t address, uint8_t mask);
void chip_keep_eeprom(avr_t *avr, const char *eeprom);

#endif
