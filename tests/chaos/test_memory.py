"""Memory while much arrives at once: of all processes together, what they have for themselves
(the page cache is the kernel's). An instance is never held in memory, so that its size does
not matter."""

import os
import struct
import threading
import time
import unittest

import chaos
import harness
import rawscu
import test_soak

MANY = int(os.environ.get("ISOVOX_MANY", chaos.scale(60, 1000)))     # of 526 kB
HUGE = int(os.environ.get("ISOVOX_HUGE", chaos.scale(48, 1024)))     # MiB each
PEERS = 10
CHUNK = bytes(1 << 20)


class MemoryIsBounded(chaos.Case):
    SETTINGS = {"plan": {"quiet": 86400, "quiet_released": 86400, "deadline": 604800},
                "receive": {"low_water": 0, "high_water": 0}}

    def peak_while(self, work):
        """The most that all processes had at once while `work` ran, in bytes."""
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        peak = 0
        while thread.is_alive():
            total = 0
            for pid, _ in chaos.processes(self.daemon_):
                try:
                    total += sum(test_soak.memory(pid))
                except OSError:
                    pass  # it has just ended
            peak = max(peak, total)
            time.sleep(0.02)
        return peak

    def send_many(self):
        files = self.phantom("--shape", "noise", "--dims", f"512,512,{MANY}", "--spacing", "1,1,1")
        shares = [files[n::4] for n in range(4)]
        senders = [chaos.Sender(self.daemon_, [share], self.ledger) for share in shares]
        peak = self.peak_while(lambda: ([each.start() for each in senders],
                                        [each.finish() for each in senders]))
        return peak

    def send_huge(self, number):
        """One instance of HUGE MiB, piece by piece: 32-bit length, PS3.5 7.1.2."""
        association = rawscu.Association(self.daemon_.port, calling=f"HUGE{number}")
        uid = f"2.25.77{number}"
        text = uid.encode() + b"\0" * (len(uid) % 2)
        head = (b"\x08\0\x16\0UI" + struct.pack("<H", 26) + b"1.2.840.10008.5.1.4.1.1.2\0"
                + b"\x08\0\x18\0UI" + struct.pack("<H", len(text)) + text
                + b"\xe0\x7f\x10\0OW\0\0" + struct.pack("<I", HUGE << 20))
        association.begin(uid)
        association.data(head, False)
        for n in range(HUGE):
            association.data(CHUNK, n == HUGE - 1)
        self.answers.append(association.answer()[0])
        association.release()

    def test_while_many_instances_arrive(self):
        self.daemon_ = self.daemon(self.pacs(start=False), settings=self.SETTINGS)
        peak = self.send_many()
        chaos.tell(f"{MANY} instances of 526 kB over 4 associations: {peak / 2**20:.0f} MiB")
        self.assertLess(peak, 64 << 20)

    def test_while_large_instances_arrive(self):
        self.daemon_ = self.daemon(self.pacs(start=False), settings=self.SETTINGS)
        self.answers = []
        senders = [threading.Thread(target=self.send_huge, args=(n,)) for n in range(PEERS)]
        peak = self.peak_while(lambda: ([each.start() for each in senders],
                                        [each.join() for each in senders]))
        chaos.tell(f"{PEERS} instances of {HUGE} MiB at once: {peak / 2**20:.0f} MiB")
        self.assertEqual(self.answers, [0] * PEERS)
        self.assertLess(peak, 256 << 20)


if __name__ == "__main__":
    unittest.main()
