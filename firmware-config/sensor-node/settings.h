/* What a node remembers without power. Two copies with a CRC, written in turn: a cut in the middle of a write costs the
 * newest change and nothing else. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#define GSR_OPEN_UNKNOWN 0xFFFF

enum mode { MODE_FRAMES = 0, MODE_LINES = 1 };

struct settings {
    uint8_t version;
    uint8_t generation;
    uint32_t board;    /* made once, by chance */
    uint16_t boots;
    uint16_t gsr_open; /* the 16-bit scale, or GSR_OPEN_UNKNOWN */
    uint8_t mode;
    uint16_t crc;
};

extern struct settings settings;

/* Loads the newer whole copy, or begins anew as `chance`; counts this boot. */
void settings_load(uint32_t chance);

/* Writes the settings over the older copy. Takes 3.4 ms for each byte that differs. False where it did not read back. */
bool settings_save(void);

/* Whether the newest copy in the EEPROM is whole and what we think it is. */
bool settings_intact(void);

#endif
