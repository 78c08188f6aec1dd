#!/bin/bash -eu
# Builds one target for each door, with seeds and dictionary beside it.
pip3 install . hypothesis
for target in fuzz/targets/fuzz_*.py; do
    name=$(basename -s .py "$target")
    compile_python_fuzzer "$target" --collect-all fuzz --collect-data secd.models
    python3 -m fuzz.guided --seeds "${name#fuzz_}" seeds/
    zip -qj "$OUT/${name}_seed_corpus.zip" seeds/*
    cp "$(python3 -m fuzz.guided --dictionary "${name#fuzz_}")" "$OUT/$name.dict"
    rm -r seeds
done
