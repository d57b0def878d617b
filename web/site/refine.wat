;; The linear algebra of the bake's optimiser, with SIMD, since Pyodide's NumPy has no BLAS: products
;; of each frame's matrices, and the block Cholesky factorisation of mocap/solve/refine/banded.py.
;;
;; For the latter each frame has a panel, row by row: 4·n rows of n numbers with the blocks A[t, t] to A[t + 3, t]
;; one below the other, then `sides` rows with the right-hand sides. The solver factorises in place
;; and leaves the solutions in those last rows. n is a multiple of 4, `sides` is even.
(module
  (import "env" "memory" (memory 0)) ;; Python's own

  ;; c −= a · bᵀ for row-major matrices; the strides are the bytes between their rows.
  ;;   c   rows × columns; rows is even, columns is a multiple of 4
  ;;   a   rows × inner; inner is even
  ;;   b   columns × inner
  (func $subtract
    (param $c i32) (param $a i32) (param $b i32)
    (param $rows i32) (param $columns i32) (param $inner i32)
    (param $across i32) (param $along i32) (param $stride i32)
    (local $left i32) (local $right i32) (local $end i32) (local $to i32) (local $column i32)
    (local $l i32) (local $r0 i32) (local $r1 i32) (local $r2 i32) (local $r3 i32)
    (local $x v128) (local $y v128) (local $z v128)
    (local $x0 v128) (local $x1 v128) (local $x2 v128) (local $x3 v128)
    (local $y0 v128) (local $y1 v128) (local $y2 v128) (local $y3 v128)
    (local.set $left (local.get $a))
    (loop $rows_
      (local.set $right (local.get $b))
      (local.set $to (local.get $c))
      (local.set $column (local.get $columns))
      (loop $columns_
        (local.set $x0 (v128.const i32x4 0 0 0 0))
        (local.set $x1 (v128.const i32x4 0 0 0 0))
        (local.set $x2 (v128.const i32x4 0 0 0 0))
        (local.set $x3 (v128.const i32x4 0 0 0 0))
        (local.set $y0 (v128.const i32x4 0 0 0 0))
        (local.set $y1 (v128.const i32x4 0 0 0 0))
        (local.set $y2 (v128.const i32x4 0 0 0 0))
        (local.set $y3 (v128.const i32x4 0 0 0 0))
        (local.set $l (local.get $left))
        (local.set $end (i32.add (local.get $left) (i32.shl (local.get $inner) (i32.const 3))))
        (local.set $r0 (local.get $right))
        (local.set $r1 (i32.add (local.get $r0) (local.get $stride)))
        (local.set $r2 (i32.add (local.get $r1) (local.get $stride)))
        (local.set $r3 (i32.add (local.get $r2) (local.get $stride)))
        (loop $inner_
          (local.set $x (v128.load (local.get $l)))
          (local.set $y (v128.load (i32.add (local.get $l) (local.get $along))))
          (local.set $z (v128.load (local.get $r0)))
          (local.set $x0 (f64x2.add (local.get $x0) (f64x2.mul (local.get $x) (local.get $z))))
          (local.set $y0 (f64x2.add (local.get $y0) (f64x2.mul (local.get $y) (local.get $z))))
          (local.set $z (v128.load (local.get $r1)))
          (local.set $x1 (f64x2.add (local.get $x1) (f64x2.mul (local.get $x) (local.get $z))))
          (local.set $y1 (f64x2.add (local.get $y1) (f64x2.mul (local.get $y) (local.get $z))))
          (local.set $z (v128.load (local.get $r2)))
          (local.set $x2 (f64x2.add (local.get $x2) (f64x2.mul (local.get $x) (local.get $z))))
          (local.set $y2 (f64x2.add (local.get $y2) (f64x2.mul (local.get $y) (local.get $z))))
          (local.set $z (v128.load (local.get $r3)))
          (local.set $x3 (f64x2.add (local.get $x3) (f64x2.mul (local.get $x) (local.get $z))))
          (local.set $y3 (f64x2.add (local.get $y3) (f64x2.mul (local.get $y) (local.get $z))))
          (local.set $r0 (i32.add (local.get $r0) (i32.const 16)))
          (local.set $r1 (i32.add (local.get $r1) (i32.const 16)))
          (local.set $r2 (i32.add (local.get $r2) (i32.const 16)))
          (local.set $r3 (i32.add (local.get $r3) (i32.const 16)))
          (local.set $l (i32.add (local.get $l) (i32.const 16)))
          (br_if $inner_ (i32.lt_u (local.get $l) (local.get $end))))
        (call $less (local.get $to) (call $sums (local.get $x0) (local.get $x1)))
        (call $less (i32.add (local.get $to) (i32.const 16))
          (call $sums (local.get $x2) (local.get $x3)))
        (local.set $l (i32.add (local.get $to) (local.get $across)))
        (call $less (local.get $l) (call $sums (local.get $y0) (local.get $y1)))
        (call $less (i32.add (local.get $l) (i32.const 16))
          (call $sums (local.get $y2) (local.get $y3)))
        (local.set $to (i32.add (local.get $to) (i32.const 32)))
        (local.set $right
          (i32.add (local.get $right) (i32.shl (local.get $stride) (i32.const 2))))
        (local.set $column (i32.sub (local.get $column) (i32.const 4)))
        (br_if $columns_ (local.get $column)))
      (local.set $left (i32.add (local.get $left) (i32.shl (local.get $along) (i32.const 1))))
      (local.set $c (i32.add (local.get $c) (i32.shl (local.get $across) (i32.const 1))))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 2)))
      (br_if $rows_ (local.get $rows))))

  ;; The sum of each vector's two numbers.
  (func $sums (param $a v128) (param $b v128) (result v128)
    (f64x2.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $a) (local.get $b))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
        (local.get $a) (local.get $b))))

  ;; Subtracts from two numbers in memory.
  (func $less (param $at i32) (param $value v128)
    (v128.store (local.get $at) (f64x2.sub (v128.load (local.get $at)) (local.get $value))))

  ;; $subtract for each of `frames` matrices that follow each other.
  (func (export "subtract_products")
    (param $c i32) (param $a i32) (param $b i32)
    (param $frames i32) (param $rows i32) (param $columns i32) (param $inner i32)
    (local $across i32) (local $along i32)
    (local.set $across (i32.shl (local.get $columns) (i32.const 3)))
    (local.set $along (i32.shl (local.get $inner) (i32.const 3)))
    (loop $frames_
      (call $subtract (local.get $c) (local.get $a) (local.get $b)
        (local.get $rows) (local.get $columns) (local.get $inner)
        (local.get $across) (local.get $along) (local.get $along))
      (local.set $c (i32.add (local.get $c) (i32.mul (local.get $rows) (local.get $across))))
      (local.set $a (i32.add (local.get $a) (i32.mul (local.get $rows) (local.get $along))))
      (local.set $b (i32.add (local.get $b) (i32.mul (local.get $columns) (local.get $along))))
      (local.set $frames (i32.sub (local.get $frames) (i32.const 1)))
      (br_if $frames_ (local.get $frames))))

  ;; Factorises a panel by four columns at a time: L Lᵀ = A of its first n rows, rows · L⁻ᵀ of the
  ;; others. Returns whether it is positive definite.
  (func $factorise (param $panel i32) (param $rows i32) (param $n i32) (result i32)
    (local $stride i32) (local $column i32) (local $first i32) (local $at i32) (local $end i32)
    (local $i0 f64) (local $i1 f64) (local $i2 f64) (local $i3 f64)
    (local $l10 f64) (local $l20 f64) (local $l30 f64)
    (local $l21 f64) (local $l31 f64) (local $l32 f64)
    (local $b0 f64) (local $b1 f64) (local $b2 f64) (local $b3 f64)
    (local.set $stride (i32.shl (local.get $n) (i32.const 3)))
    (local.set $end (i32.add (local.get $panel) (i32.mul (local.get $rows) (local.get $stride))))
    (loop $columns_
      (local.set $first
        (i32.add (local.get $panel) (i32.mul (local.get $column) (local.get $stride))))
      (local.set $at (i32.add (local.get $first) (i32.shl (local.get $column) (i32.const 3))))
      (if (local.get $column)
        (then
          (call $subtract (local.get $at) (local.get $first) (local.get $first)
            (i32.sub (local.get $rows) (local.get $column)) (i32.const 4) (local.get $column)
            (local.get $stride) (local.get $stride) (local.get $stride))))
      ;; The triangle of these columns: $l10 to $l32 below the diagonal, and the diagonal's
      ;; reciprocals. A row (b0 b1 b2 b3) of the matrix becomes one of the factor.
      (local.set $b0 (f64.load (local.get $at)))
      (if (i32.eqz (f64.gt (local.get $b0) (f64.const 0))) (then (return (i32.const 0))))
      (local.set $i0 (f64.div (f64.const 1) (f64.sqrt (local.get $b0))))
      (f64.store (local.get $at) (f64.sqrt (local.get $b0)))

      (local.set $at (i32.add (local.get $at) (local.get $stride)))
      (local.set $l10 (f64.mul (f64.load (local.get $at)) (local.get $i0)))
      (local.set $b1
        (f64.sub (f64.load offset=8 (local.get $at)) (f64.mul (local.get $l10) (local.get $l10))))
      (if (i32.eqz (f64.gt (local.get $b1) (f64.const 0))) (then (return (i32.const 0))))
      (local.set $i1 (f64.div (f64.const 1) (f64.sqrt (local.get $b1))))
      (f64.store (local.get $at) (local.get $l10))
      (f64.store offset=8 (local.get $at) (f64.sqrt (local.get $b1)))

      (local.set $at (i32.add (local.get $at) (local.get $stride)))
      (local.set $l20 (f64.mul (f64.load (local.get $at)) (local.get $i0)))
      (local.set $l21
        (f64.mul (local.get $i1)
          (f64.sub (f64.load offset=8 (local.get $at))
            (f64.mul (local.get $l20) (local.get $l10)))))
      (local.set $b2
        (f64.sub (f64.load offset=16 (local.get $at))
          (f64.add (f64.mul (local.get $l20) (local.get $l20))
            (f64.mul (local.get $l21) (local.get $l21)))))
      (if (i32.eqz (f64.gt (local.get $b2) (f64.const 0))) (then (return (i32.const 0))))
      (local.set $i2 (f64.div (f64.const 1) (f64.sqrt (local.get $b2))))
      (f64.store (local.get $at) (local.get $l20))
      (f64.store offset=8 (local.get $at) (local.get $l21))
      (f64.store offset=16 (local.get $at) (f64.sqrt (local.get $b2)))

      (local.set $at (i32.add (local.get $at) (local.get $stride)))
      (local.set $l30 (f64.mul (f64.load (local.get $at)) (local.get $i0)))
      (local.set $l31
        (f64.mul (local.get $i1)
          (f64.sub (f64.load offset=8 (local.get $at))
            (f64.mul (local.get $l30) (local.get $l10)))))
      (local.set $l32
        (f64.mul (local.get $i2)
          (f64.sub (f64.load offset=16 (local.get $at))
            (f64.add (f64.mul (local.get $l30) (local.get $l20))
              (f64.mul (local.get $l31) (local.get $l21))))))
      (local.set $b3
        (f64.sub (f64.load offset=24 (local.get $at))
          (f64.add
            (f64.add (f64.mul (local.get $l30) (local.get $l30))
              (f64.mul (local.get $l31) (local.get $l31)))
            (f64.mul (local.get $l32) (local.get $l32)))))
      (if (i32.eqz (f64.gt (local.get $b3) (f64.const 0))) (then (return (i32.const 0))))
      (local.set $i3 (f64.div (f64.const 1) (f64.sqrt (local.get $b3))))
      (f64.store (local.get $at) (local.get $l30))
      (f64.store offset=8 (local.get $at) (local.get $l31))
      (f64.store offset=16 (local.get $at) (local.get $l32))
      (f64.store offset=24 (local.get $at) (f64.sqrt (local.get $b3)))

      (local.set $at (i32.add (local.get $at) (local.get $stride)))
      (loop $below_
        (local.set $b0 (f64.mul (f64.load (local.get $at)) (local.get $i0)))
        (local.set $b1
          (f64.mul (local.get $i1)
            (f64.sub (f64.load offset=8 (local.get $at))
              (f64.mul (local.get $b0) (local.get $l10)))))
        (local.set $b2
          (f64.mul (local.get $i2)
            (f64.sub (f64.load offset=16 (local.get $at))
              (f64.add (f64.mul (local.get $b0) (local.get $l20))
                (f64.mul (local.get $b1) (local.get $l21))))))
        (local.set $b3
          (f64.mul (local.get $i3)
            (f64.sub (f64.load offset=24 (local.get $at))
              (f64.add
                (f64.add (f64.mul (local.get $b0) (local.get $l30))
                  (f64.mul (local.get $b1) (local.get $l31)))
                (f64.mul (local.get $b2) (local.get $l32))))))
        (f64.store (local.get $at) (local.get $b0))
        (f64.store offset=8 (local.get $at) (local.get $b1))
        (f64.store offset=16 (local.get $at) (local.get $b2))
        (f64.store offset=24 (local.get $at) (local.get $b3))
        (local.set $at (i32.add (local.get $at) (local.get $stride)))
        (br_if $below_ (i32.lt_u (local.get $at) (local.get $end))))
      (local.set $column (i32.add (local.get $column) (i32.const 4)))
      (br_if $columns_ (i32.lt_u (local.get $column) (local.get $n))))
    (i32.const 1))

  ;; Subtracts what a panel has eliminated from the panel of the frame `ahead` frames later: its
  ;; blocks on and below the diagonal, and its right-hand sides.
  (func $eliminate
    (param $panel i32) (param $target i32) (param $ahead i32) (param $n i32) (param $sides i32)
    (local $stride i32) (local $column i32) (local $block i32) (local $rows i32) (local $last i32)
    (local.set $stride (i32.shl (local.get $n) (i32.const 3)))
    (local.set $last (i32.mul (i32.shl (local.get $n) (i32.const 2)) (local.get $stride)))
    (local.set $block
      (i32.add (local.get $panel)
        (i32.mul (i32.mul (local.get $ahead) (local.get $n)) (local.get $stride))))
    (call $subtract
      (i32.add (local.get $target) (local.get $last))
      (i32.add (local.get $panel) (local.get $last))
      (local.get $block)
      (local.get $sides) (local.get $n) (local.get $n)
      (local.get $stride) (local.get $stride) (local.get $stride))
    (local.set $rows (i32.mul (i32.sub (i32.const 4) (local.get $ahead)) (local.get $n)))
    (loop $columns_
      (call $subtract (local.get $target) (local.get $block) (local.get $block)
        (local.get $rows) (i32.const 4) (local.get $n)
        (local.get $stride) (local.get $stride) (local.get $stride))
      (local.set $target
        (i32.add (local.get $target)
          (i32.add (i32.shl (local.get $stride) (i32.const 2)) (i32.const 32))))
      (local.set $block
        (i32.add (local.get $block) (i32.shl (local.get $stride) (i32.const 2))))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 4)))
      (local.set $column (i32.add (local.get $column) (i32.const 4)))
      (br_if $columns_ (i32.lt_u (local.get $column) (local.get $n)))))

  ;; z −= x · b: a row of n numbers less a combination of the n rows of b.
  (func $combine (param $z i32) (param $x i32) (param $b i32) (param $n i32)
    (local $end i32) (local $to i32) (local $stride i32) (local $last i32) (local $factor v128)
    (local.set $stride (i32.shl (local.get $n) (i32.const 3)))
    (local.set $end (i32.add (local.get $x) (local.get $stride)))
    (local.set $last (i32.add (local.get $z) (local.get $stride)))
    (loop $rows_
      (local.set $factor (v128.load64_splat (local.get $x)))
      (local.set $to (local.get $z))
      (loop $columns_
        (v128.store (local.get $to)
          (f64x2.sub (v128.load (local.get $to))
            (f64x2.mul (local.get $factor) (v128.load (local.get $b)))))
        (local.set $b (i32.add (local.get $b) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (br_if $columns_ (i32.lt_u (local.get $to) (local.get $last))))
      (local.set $x (i32.add (local.get $x) (i32.const 8)))
      (br_if $rows_ (i32.lt_u (local.get $x) (local.get $end)))))

  ;; z · L⁻¹ in place, for the lower triangle L at the top of a panel.
  (func $back (param $z i32) (param $panel i32) (param $n i32)
    (local $stride i32) (local $row i32) (local $at i32) (local $to i32) (local $value f64)
    (local.set $stride (i32.shl (local.get $n) (i32.const 3)))
    (local.set $at (i32.add (local.get $z) (local.get $stride)))
    (local.set $panel
      (i32.add (local.get $panel) (i32.mul (local.get $n) (local.get $stride))))
    (loop $rows_
      (local.set $at (i32.sub (local.get $at) (i32.const 8)))
      (local.set $panel (i32.sub (local.get $panel) (local.get $stride)))
      (local.set $row (local.get $panel))
      (local.set $value
        (f64.div (f64.load (local.get $at))
          (f64.load (i32.add (local.get $row) (i32.sub (local.get $at) (local.get $z))))))
      (f64.store (local.get $at) (local.get $value))
      (local.set $to (local.get $z))
      (block $done
        (br_if $done (i32.eq (local.get $to) (local.get $at)))
        (loop $columns_
          (f64.store (local.get $to)
            (f64.sub (f64.load (local.get $to))
              (f64.mul (local.get $value) (f64.load (local.get $row)))))
          (local.set $row (i32.add (local.get $row) (i32.const 8)))
          (local.set $to (i32.add (local.get $to) (i32.const 8)))
          (br_if $columns_ (i32.lt_u (local.get $to) (local.get $at)))))
      (br_if $rows_ (i32.gt_u (local.get $at) (local.get $z)))))

  ;; Solves the system of all frames from the first one's panel. Returns −1, or the first frame at
  ;; which the matrix is not positive definite.
  (func (export "solve_banded")
    (param $panel i32) (param $frames i32) (param $n i32) (param $sides i32) (result i32)
    (local $stride i32) (local $size i32) (local $rows i32) (local $frame i32)
    (local $ahead i32) (local $z i32) (local $side i32) (local $last i32)
    (local.set $stride (i32.shl (local.get $n) (i32.const 3)))
    (local.set $last (i32.mul (i32.shl (local.get $n) (i32.const 2)) (local.get $stride)))
    (local.set $rows (i32.add (i32.shl (local.get $n) (i32.const 2)) (local.get $sides)))
    (local.set $size (i32.mul (local.get $rows) (local.get $stride)))
    (loop $forwards_
      (if (i32.eqz (call $factorise (local.get $panel) (local.get $rows) (local.get $n)))
        (then (return (local.get $frame))))
      (local.set $ahead (i32.const 1))
      (block $done
        (loop $ahead_
          (br_if $done
            (i32.ge_u (i32.add (local.get $frame) (local.get $ahead)) (local.get $frames)))
          (call $eliminate (local.get $panel)
            (i32.add (local.get $panel) (i32.mul (local.get $ahead) (local.get $size)))
            (local.get $ahead) (local.get $n) (local.get $sides))
          (local.set $ahead (i32.add (local.get $ahead) (i32.const 1)))
          (br_if $ahead_ (i32.le_u (local.get $ahead) (i32.const 3)))))
      (local.set $panel (i32.add (local.get $panel) (local.get $size)))
      (local.set $frame (i32.add (local.get $frame) (i32.const 1)))
      (br_if $forwards_ (i32.lt_u (local.get $frame) (local.get $frames))))
    (loop $backwards_
      (local.set $frame (i32.sub (local.get $frame) (i32.const 1)))
      (local.set $panel (i32.sub (local.get $panel) (local.get $size)))
      (local.set $z (i32.add (local.get $panel) (local.get $last)))
      (local.set $side (local.get $sides))
      (loop $sides_
        (local.set $ahead (i32.const 1))
        (block $done
          (loop $ahead_
            (br_if $done
              (i32.ge_u (i32.add (local.get $frame) (local.get $ahead)) (local.get $frames)))
            (call $combine (local.get $z)
              (i32.add (local.get $z) (i32.mul (local.get $ahead) (local.get $size)))
              (i32.add (local.get $panel)
                (i32.mul (i32.mul (local.get $ahead) (local.get $n)) (local.get $stride)))
              (local.get $n))
            (local.set $ahead (i32.add (local.get $ahead) (i32.const 1)))
            (br_if $ahead_ (i32.le_u (local.get $ahead) (i32.const 3)))))
        (call $back (local.get $z) (local.get $panel) (local.get $n))
        (local.set $z (i32.add (local.get $z) (local.get $stride)))
        (local.set $side (i32.sub (local.get $side) (i32.const 1)))
        (br_if $sides_ (local.get $side)))
      (br_if $backwards_ (local.get $frame)))
    (i32.const -1)))
