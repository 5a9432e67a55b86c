from mlops_lesson.deployment import pickle_demo


def test_reading_a_pickle_runs_what_its_author_wished(capsys):
    assert pickle_demo.load_pickle(pickle_demo.pickle_that_talks()) is None
    assert capsys.readouterr().out == pickle_demo.SENTENCE + "\n"


def test_skops_runs_nothing_of_a_pickle(capsys):
    said = pickle_demo.load_with_skops(pickle_demo.pickle_that_talks())
    assert said == "Refused: this is not a skops file, and skops reads nothing else. No code was run."
    assert capsys.readouterr().out == ""


def test_skops_refuses_a_model_with_a_function_and_names_it():
    said = pickle_demo.load_with_skops(pickle_demo.model_with_a_function())
    assert said == "Refused: Untrusted types found in the file: ['builtins.print']."


def test_skops_reads_a_model_of_known_types():
    import skops.io
    from depot_service import trained_model

    assert pickle_demo.load_with_skops(skops.io.dumps(trained_model())).startswith("Read: every type")
