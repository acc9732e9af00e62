#include "chip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <simavr/avr_eeprom.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_io.h>

#define EEPROM_BYTES 1024
#define FIRST_OF_RAM 0x100
#define MCUSR 0x54
#define SUPPLY_MV 5000
#define EECR 0x3F
#define EEPE 2
#define BROWN_OUT 4

static unsigned writes_left;
static bool cut;

static void eeprom_written(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    (void)param;
    if (value & EEPE && writes_left && --writes_left == 0) {
        cut = true;
    }
}

static void stay_awake(avr_t *avr, avr_cycle_count_t how_long) { /* the caller keeps the pace */
    (void)avr;
    (void)how_long;
}

static void load_eeprom(avr_t *avr, const char *path) {
    uint8_t bytes[EEPROM_BYTES];
    memset(bytes, 0xFF, sizeof bytes);
    FILE *file = fopen(path, "rb");
    if (file) {
        if (fread(bytes, 1, sizeof bytes, file) != sizeof bytes) {
            fprintf(stderr, "%s is shorter than an EEPROM\n", path);
            exit(1);
        }
        fclose(file);
    }
    avr_eeprom_desc_t all = {.ee = bytes, .offset = 0, .size = sizeof bytes};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_SET, &all);
}

avr_t *chip_open(const char *firmware, const char *eeprom, unsigned seed) {
    elf_firmware_t program = {0};
    avr_t *avr = avr_make_mcu_by_name("atmega328p");
    if (!avr || elf_read_firmware(firmware, &program)) {
        fprintf(stderr, "cannot load %s\n", firmware);
        exit(1);
    }
    program.frequency = CLOCK_HZ;
    avr_init(avr);
    avr_load_firmware(avr, &program);
    avr->vcc = avr->avcc = avr->aref = SUPPLY_MV;
    avr->log = LOG_ERROR;
    avr->sleep = stay_awake;
    srand(seed);
    for (unsigned address = FIRST_OF_RAM; address <= avr->ramend; address++) {
        avr->data[address] = (uint8_t)rand();
    }
    load_eeprom(avr, eeprom);
    avr_irq_register_notify(avr_iomem_getirq(avr, EECR, NULL, AVR_IOMEM_IRQ_ALL), eeprom_written, NULL);
    avr->data[MCUSR] = 1; /* power-on */
    return avr;
}

void chip_run_until(avr_t *avr, uint64_t cycle) {
    while (avr->cycle < cycle) {
        const int state = avr_run(avr);
        if (state == cpu_Done || state == cpu_Crashed) {
            fprintf(stderr, "the chip stopped, state %d, at 0x%x\n", state, avr->pc);
            exit(1);
        }
        if (cut) {
            cut = false;
            chip_reset(avr, BROWN_OUT);
        }
    }
}

void chip_cut_after(unsigned writes) { writes_left = writes; }

void chip_reset(avr_t *avr, uint8_t cause) {
    avr_reset(avr);
    avr->data[MCUSR] = cause;
}

static void eeprom(avr_t *avr, uint32_t what, uint8_t *bytes, uint16_t offset, uint32_t size) {
    avr_eeprom_desc_t part = {.ee = bytes, .offset = offset, .size = size};
    avr_ioctl(avr, what, &part);
}

void chip_rot(avr_t *avr, uint16_t address, uint8_t mask) {
    uint8_t byte;
    eeprom(avr, AVR_IOCTL_EEPROM_GET, &byte, address, 1);
    byte ^= mask;
    eeprom(avr, AVR_IOCTL_EEPROM_SET, &byte, address, 1);
}

void chip_keep_eeprom(avr_t *avr, const char *path) {
    uint8_t bytes[EEPROM_BYTES];
    eeprom(avr, AVR_IOCTL_EEPROM_GET, bytes, 0, sizeof bytes);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, sizeof bytes, file) != sizeof bytes || fclose(file)) {
        perror(path);
        exit(1);
    }
}
