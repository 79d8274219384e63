"""A public CT series, sent by two implementations over several associations at once and in
shuffled order, as several recipes: the same bytes each time, the tool's bytes, and the values
of an evaluation written a second time."""

import random
import threading
import unittest

import chain
import harness

SPACINGS = (1.0, 2.0, 0.5)
KERNELS = ("bspline3", "linear")
ASSOCIATIONS = 4


def recipes():
    return {f"{kernel} {spacing}": {"spacing": spacing, "kernel": kernel}
            for kernel in KERNELS for spacing in SPACINGS}


def shuffled_parts(files, seed):
    files = list(files)
    random.Random(seed).shuffle(files)
    return [files[n::ASSOCIATIONS] for n in range(ASSOCIATIONS)]


def at_once(send, parts):
    failures = []

    def run(part):
        try:
            send(part)
        except AssertionError as failure:
            failures.append(failure)
    threads = [threading.Thread(target=run, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class ThePublicSeries(harness.Case):
    def settings(self):
        titled = {("recipe", name): recipe for name, recipe in recipes().items()}
        return {**titled, ("route", "ct"): {"recipes": list(recipes())}}

    def derived_by(self, send, seed):
        """Every derived series by recipe, as the PACS has it."""
        pacs = self.pacs()
        daemon = self.daemon(pacs, settings=self.settings())
        at_once(lambda part: send(part, daemon.port), shuffled_parts(self.files, seed))
        counts = lambda: [each["state"] for each in daemon.list("deliveries")]
        harness.wait_until(lambda: counts() == ["sent"] * len(recipes()), 240,
                           lambda: f"6 deliveries sent: {counts()}\n"
                                   + harness.tail(daemon.log))
        found = {}
        for series in pacs.derived():
            derived = chain.fetch(pacs, series)
            found[self.recipe_of(derived)] = derived
        daemon.stop()
        pacs.stop()
        return found

    def recipe_of(self, derived):
        text = derived.datasets[0].DerivationDescription.lower()
        kernel = "linear" if "linear" in text else "bspline3"
        return f"{kernel} {derived.spacing[0]}"

    def by_the_tool(self, recipe):
        folder = self.new_folder("tool")
        harness.run_tool("convert", "--spacing", recipe["spacing"], "--kernel",
                         recipe["kernel"], *self.files, "-o", folder, check=True)
        return chain.read_folder(folder)

    def test_is_the_same_whoever_sends_it_and_is_right(self):
        self.files = harness.dicom_files(harness.shared_data("sts_001/CT/image"))
        one = self.derived_by(harness.dcmsend, 1)
        other = self.derived_by(harness.gdcmscu, 2)

        for name, recipe in recipes().items():
            with self.subTest(name):
                self.assertIn(name, one)
                self.assertEqual(one[name].pixels(), other[name].pixels())
                self.assertEqual(one[name].pixels(), self.by_the_tool(recipe).pixels())
                expected = chain.Expected(self.files, recipe["spacing"], recipe["kernel"])
                chain.check_geometry(self, one[name], expected)
                chain.check_values(self, one[name], expected)


if __name__ == "__main__":
    unittest.main()
