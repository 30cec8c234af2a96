"""``ottochain jlvm eval``: lines in, lines out, each as soon as it can be given."""

import json
import subprocess
import sys

from click.testing import CliRunner

from ottochain.cli.jlvm import jlvm


def run(*arguments: str, lines: str = "") -> tuple[int, list[str]]:
    result = CliRunner().invoke(jlvm, ["eval", *arguments], input=lines, standalone_mode=False)
    return (result.return_value if result.exception is None else 1), result.stdout.splitlines()


def test_one_expression_as_an_argument() -> None:
    assert run('{"*":[{"var":"a"},2.5]}', "--data", '{"a":2}') == (0, ['{"result":5,"gas":17}'])


def test_every_option_reaches_the_evaluation() -> None:
    options = ["--data", "{}", "--context", '{"a":7}', "--gas-limit", "0", "--gas-config", '{"varAccess":9}']
    assert run('{"var":"a"}', *options) == (0, ['{"result":7,"gas":10}'])
    assert run('{"+":[1,2]}', "--gas-config", "mainnet") == (0, ['{"result":3,"gas":16}'])


def test_numbers_stay_exact() -> None:
    assert run('{"+":[{"var":""},1]}', "--data", "0.12345678901234567890123456789") == (
        0,
        ['{"result":1.12345678901234567890123456789,"gas":14}'],
    )
    assert run('{"var":""}', "--data", "123456789012345678901234567890")[1] == [
        '{"result":123456789012345678901234567890,"gas":3}'
    ]


def test_a_line_for_each_line() -> None:
    lines = '{"expr":1}\n\n{"expr":{"/":[1,0]}}\n{"expr":{"+":[1,2]},"gasLimit":3}\n'
    assert run(lines=lines) == (
        0,
        [
            '{"result":1,"gas":0}',
            '{"error":"Division by zero","kind":"evaluation"}',
            '{"error":"Gas exhausted: required 5, available 3","kind":"gasExhausted"}',
        ],
    )


def test_a_malformed_line_is_answered_and_the_rest_goes_on() -> None:
    code, answers = run(lines='{"expr":\n{"data":1}\n{"expr":2}\n')
    assert code == 2
    assert [json.loads(answer).get("kind") for answer in answers] == ["input", "input", None]


def test_a_result_too_long_to_be_written_is_answered_and_the_rest_goes_on() -> None:
    code, answers = run(lines='{"expr":{"-":["1e99999999"]}}\n{"expr":[{"max":["1e999999999",1]}]}\n{"expr":2}\n')
    assert code == 0
    told = {
        "error": "the result can't be written: a number with more than 262144 digits",
        "kind": "evaluation",
    }
    assert [json.loads(answer) for answer in answers] == [told, told, {"result": 2, "gas": 0}]


def test_a_malformed_argument_is_exit_code_2() -> None:
    code, answers = run('{"+"')
    assert code == 2
    assert json.loads(answers[0])["kind"] == "input"
    assert run("1", "--gas-limit", "many")[0] == 2


def test_an_answer_does_not_wait_for_the_next_line() -> None:
    command = [sys.executable, "-m", "ottochain.cli", "jlvm", "eval"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(json.dumps({"expr": {"+": [number, 1]}}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["result"] == number + 1
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_a_byte_order_mark_before_the_first_line_is_passed_over() -> None:
    line = '{"expr":{"+":[1,2]}}'
    assert run(lines=f"\ufeff{line}\n{line}\n") == (0, ['{"result":3,"gas":11}'] * 2)
